//! The body of a FastCGI answer: what is left of its records behind the head.

use super::record::{Event, Reader, stderr_sentence};
use crate::http::upstream::decoder::{Decoded, Unframe};
use crate::http::upstream::failure::Cause;
use bytes::Bytes;

/// The body.
pub struct Answer {
    reader: Reader,
    /// What is to come, if the head says how long the body is.
    left: Option<u64>,
    /// Whether the connection is to be kept: then it does not close before the request is over.
    keep_conn: bool,
    notes: Vec<String>,
    overlong: bool,
    /// Whether the server has begun to say that the request is over.
    ending: bool,
}

impl Answer {
    /// The body behind a head that `reader` has read.
    pub fn new(reader: Reader, left: Option<u64>, keep_conn: bool) -> Self {
        Answer {
            reader,
            left,
            keep_conn,
            notes: Vec::new(),
            overlong: false,
            ending: false,
        }
    }

    /// Gives out what belongs to the body. `false`: there was more than was announced.
    fn pass(&mut self, mut data: Bytes, out: &mut dyn FnMut(Bytes)) -> bool {
        if let Some(left) = &mut self.left {
            let most = usize::try_from(*left).unwrap_or(usize::MAX);
            self.overlong = data.len() > most;
            data.truncate(most);
            *left -= data.len() as u64;
        }
        if !data.is_empty() {
            out(data);
        }
        !self.overlong
    }

    fn cut_short(&self, what: &str) -> Result<(), Cause> {
        if self.left.is_none_or(|left| left == 0) {
            return Ok(());
        }
        let sentence = format!("upstream prematurely closed FastCGI {what}");
        Err(Cause::BadBody(sentence.into()))
    }
}

impl Unframe for Answer {
    fn decode(&mut self, input: Bytes, out: &mut dyn FnMut(Bytes)) -> Result<Decoded, Cause> {
        let ended = |surplus| Decoded { end: true, surplus };
        let mut at = 0;
        loop {
            let event = self.reader.next(&input, &mut at);
            match event.map_err(|sentence| Cause::BadBody(sentence.into()))? {
                None => return Ok(Decoded::default()),
                Some(Event::Stdout(range)) => {
                    if !self.pass(input.slice(range), out) {
                        return Ok(ended(true));
                    }
                }
                Some(Event::Stderr(range)) => {
                    let text = input.get(range).unwrap_or_default();
                    self.notes.push(stderr_sentence(text));
                }
                Some(Event::StdoutEnd) => self.cut_short("stdout")?,
                Some(Event::EndRequest) => {
                    self.cut_short("request")?;
                    self.ending = true;
                }
                Some(Event::Ended) => return Ok(ended(at < input.len())),
            }
        }
    }

    fn ends_at_close(&self) -> bool {
        !self.keep_conn
            && (self.ending || self.reader.is_between())
            && self.left.is_none_or(|left| left == 0)
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn is_overlong(&self) -> bool {
        self.overlong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &[u8] = &[1, 6, 0, 1, 0, 3, 0, 0, b'a', b'b', b'c'];
    const OUT_END: &[u8] = &[1, 6, 0, 1, 0, 0, 0, 0];
    const ERR: &[u8] = &[1, 7, 0, 1, 0, 2, 0, 0, b'!', b'\n'];
    const END: &[u8] = &[1, 3, 0, 1, 0, 0, 0, 0];

    fn decode(answer: &mut Answer, parts: &[&[u8]]) -> Result<(Vec<u8>, Decoded), Cause> {
        let mut body = Vec::new();
        let input = Bytes::from(parts.concat());
        let decoded = answer.decode(input, &mut |b| body.extend_from_slice(&b))?;
        Ok((body, decoded))
    }

    fn ended(surplus: bool) -> Decoded {
        Decoded { end: true, surplus }
    }

    #[test]
    fn a_connection_to_keep_is_read_to_the_end_of_the_request() {
        let mut answer = Answer::new(Reader::default(), None, true);
        let (body, decoded) = decode(&mut answer, &[OUT, ERR, OUT, OUT_END]).unwrap();
        assert_eq!((&body[..], decoded), (&b"abcabc"[..], Decoded::default()));
        assert_eq!(answer.notes(), ["FastCGI sent in stderr: \"!\""]);
        assert!(answer.notes().is_empty() && !answer.ends_at_close());
        assert_eq!(decode(&mut answer, &[END]).unwrap().1, ended(false));
        let mut answer = Answer::new(Reader::default(), None, true);
        assert_eq!(decode(&mut answer, &[END, END]).unwrap().1, ended(true));
        assert!(!answer.is_overlong());
    }

    #[test]
    fn any_other_may_end_with_its_connection() {
        let mut answer = Answer::new(Reader::default(), None, false);
        assert!(answer.ends_at_close());
        decode(&mut answer, &[OUT.get(..9).unwrap()]).unwrap();
        assert!(!answer.ends_at_close());
        assert!(!decode(&mut answer, &[b"bc", OUT_END]).unwrap().1.end);
        assert!(answer.ends_at_close());
        decode(&mut answer, &[&END[..3]]).unwrap();
        assert!(!answer.ends_at_close());
        assert!(decode(&mut answer, &[&END[3..]]).unwrap().1.end);
    }

    #[test]
    fn an_announced_length_holds() {
        let mut answer = Answer::new(Reader::default(), Some(4), true);
        let (body, decoded) = decode(&mut answer, &[OUT, OUT, OUT]).unwrap();
        assert_eq!((&body[..], decoded), (&b"abca"[..], ended(true)));
        assert!(answer.is_overlong());
        for (end, what) in [(OUT_END, "stdout"), (END, "request")] {
            let mut answer = Answer::new(Reader::default(), Some(4), true);
            let sentence = format!("upstream prematurely closed FastCGI {what}");
            assert_eq!(
                decode(&mut answer, &[OUT, end]).unwrap_err(),
                Cause::BadBody(sentence.into())
            );
        }
    }
}
