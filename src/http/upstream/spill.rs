//! The temporary file for what a slow client has not taken yet of an answer.

use super::state::{Stage, UpstreamState};
use crate::http::body::{FileRange, Part};
use crate::http::body_in::TempFile;
use crate::http::core::temp_path::TempPath;
use crate::log::Level;
use std::collections::VecDeque;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The file, once there is one, and what it may hold.
pub struct Spill {
    path: Arc<TempPath>,
    most: u64,
    file: Option<TempFile>,
    broken: bool,
}

impl Spill {
    /// No file yet; at most `most` bytes go into it, 0 meaning none.
    pub fn new(path: Arc<TempPath>, most: u64) -> Self {
        Spill {
            path,
            most,
            file: None,
            broken: false,
        }
    }

    /// Moves all bytes of the queue to the file. `false`: there is no room for them, or no file to be had.
    pub fn take(&mut self, queue: &mut VecDeque<Part>, state: &UpstreamState) -> bool {
        let written = self.file.as_ref().map_or(0, |f| f.length);
        if self.broken || written >= self.most {
            return false;
        }
        if self.file.is_none() && !self.open(state) {
            return false;
        }
        let Some(file) = &mut self.file else {
            return false;
        };
        let mut moved: VecDeque<Part> = VecDeque::with_capacity(queue.len());
        while let Some(part) = queue.pop_front() {
            let Part::Bytes(bytes) = &part else {
                moved.push_back(part);
                continue;
            };
            if let Err(e) = file.file.write_all_at(bytes, file.length) {
                let reason = crate::config::source::errno(&e);
                let action = Stage::Body.action();
                let path = file.path.display();
                state.note(
                    Level::Crit,
                    format!("pwrite() \"{path}\" failed ({reason}) while {action}"),
                );
                self.broken = true;
                moved.push_back(part);
                break;
            }
            let length = bytes.len() as u64;
            match moved.back_mut() {
                // What follows on what is in the file already is sent with it.
                Some(Part::File(last)) if last.offset + last.length == file.length => {
                    last.length += length;
                }
                _ => moved.push_back(Part::File(FileRange {
                    file: file.file.clone(),
                    offset: file.length,
                    length,
                })),
            }
            file.length += length;
        }
        moved.append(queue);
        *queue = moved;
        !self.broken
    }

    fn open(&mut self, state: &UpstreamState) -> bool {
        let action = Stage::Body.action();
        match crate::http::body_keep::create(&self.path, false) {
            Ok(file) => {
                let path = file.path.display();
                state.note(
                    Level::Warn,
                    format!(
                        "an upstream response is buffered to a temporary file {path} while {action}"
                    ),
                );
                self.file = Some(file);
                true
            }
            Err((path, e)) => {
                let reason = crate::config::source::errno(&e);
                let path = path.display();
                state.note(
                    Level::Crit,
                    format!("open() \"{path}\" failed ({reason}) while {action}"),
                );
                self.broken = true;
                false
            }
        }
    }
}
