//! `worker_cpu_affinity`: which processors each thread may use.

use super::{argument, at};
use crate::config::tree::Node;
use crate::diagnostic::Diagnostic;

/// As many processors as the system call knows of.
const MOST_CPUS: usize = 1024;

/// The masks, one for each thread; the last one is for all further threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affinity {
    /// Each thread gets one processor of the last mask, in turn, rather than a mask of its own.
    pub auto: bool,
    /// The processors of each mask, in ascending order.
    pub masks: Vec<Vec<usize>>,
}

impl Affinity {
    /// Reads the arguments of the directive.
    pub fn parse(node: &Node) -> Result<Affinity, Diagnostic> {
        let auto = argument(node, 0) == b"auto";
        if auto && node.args.len() > 2 {
            return Err(at(
                node,
                2,
                "invalid number of arguments in \"worker_cpu_affinity\" directive",
            ));
        }
        let mut masks = Vec::new();
        if auto {
            masks.push((0..cpus().min(MOST_CPUS)).collect());
        }
        for (index, word) in node.args.iter().enumerate().skip(usize::from(auto)) {
            masks.push(mask(&word.text).map_err(|message| at(node, index, message))?);
        }
        Ok(Affinity { auto, masks })
    }

    /// The processors that the thread with this number may use; none if it may use all.
    pub fn of(&self, thread: usize) -> Option<Vec<usize>> {
        let last = self.masks.last()?;
        if self.auto {
            let turn = thread.checked_rem(last.len())?;
            return last.get(turn).map(|cpu| vec![*cpu]);
        }
        Some(self.masks.get(thread).unwrap_or(last).clone())
    }

    /// nginx's warning when there are as many masks as nobody needs.
    pub fn warning(&self, threads: usize) -> Option<Diagnostic> {
        let fits = self.auto || self.masks.len() <= 1 || self.masks.len() == threads;
        (!fits).then(|| {
            Diagnostic::warning(
                "the number of \"worker_processes\" is not equal to the number of \"worker_cpu_affinity\" masks, \
                 using last mask for remaining worker processes",
            )
        })
    }
}

/// How many processors this process can see.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A mask of binary digits, the lowest processor last.
fn mask(text: &[u8]) -> Result<Vec<usize>, String> {
    if text.len() > MOST_CPUS {
        return Err(format!(
            "\"worker_cpu_affinity\" supports up to {MOST_CPUS} CPUs only"
        ));
    }
    let mut cpus = Vec::new();
    for (cpu, digit) in text
        .iter()
        .rev()
        .filter(|digit| **digit != b' ')
        .enumerate()
    {
        match digit {
            b'0' => {}
            b'1' => cpus.push(cpu),
            other => {
                return Err(format!(
                    "invalid character \"{}\" in \"worker_cpu_affinity\"",
                    char::from(*other)
                ));
            }
        }
    }
    Ok(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_from_the_right() {
        assert_eq!(mask(b"0101"), Ok(vec![0, 2]));
        assert_eq!(mask(b"10 00"), Ok(vec![3]));
        assert_eq!(
            mask(b"012"),
            Err("invalid character \"2\" in \"worker_cpu_affinity\"".to_owned())
        );
        assert!(mask(&[b'0'; 1025]).is_err());
    }

    #[test]
    fn threads_take_their_turn() {
        let auto = Affinity {
            auto: true,
            masks: vec![vec![1, 3]],
        };
        assert_eq!(auto.of(0), Some(vec![1]));
        assert_eq!(auto.of(3), Some(vec![3]));
        let fixed = Affinity {
            auto: false,
            masks: vec![vec![0], vec![1, 2]],
        };
        assert_eq!(fixed.of(0), Some(vec![0]));
        assert_eq!(fixed.of(7), Some(vec![1, 2]));
        assert!(fixed.warning(3).is_some() && fixed.warning(2).is_none());
        assert_eq!(
            Affinity {
                auto: true,
                masks: vec![vec![]]
            }
            .of(0),
            None
        );
    }
}
