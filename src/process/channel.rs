//! The socket between master and worker process. It carries small messages, and open descriptors with them.

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// One message carries no more descriptors than this; Linux would allow 253.
const MOST_DESCRIPTORS: usize = 200;

/// The longest message. Whatever can be longer goes into a file in memory, whose descriptor is sent.
const LONGEST: usize = 16 * 1024;

/// In front of each message: more descriptors follow, or this is the message itself.
const MORE: u8 = 0;
const LAST: u8 = 1;

/// One end of the socket.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    /// Descriptors that came ahead of their message.
    gathered: Vec<OwnedFd>,
}

/// A message as it came.
#[derive(Debug)]
pub struct Message {
    /// The text.
    pub payload: Vec<u8>,
    /// The descriptors.
    pub descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Both ends of a new socket.
    pub fn pair() -> io::Result<(Channel, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Channel::new(ours), theirs))
    }

    /// This end, of which the other end belongs to another process.
    pub fn new(socket: OwnedFd) -> Channel {
        Channel {
            socket,
            gathered: Vec::new(),
        }
    }

    /// Sends a message, waiting while the other end is behind.
    pub fn send(&self, payload: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let whole = descriptors.len().saturating_sub(1) / MOST_DESCRIPTORS;
        for batch in descriptors.chunks(MOST_DESCRIPTORS).take(whole) {
            self.send_one(MORE, &[], batch)?;
        }
        let rest = descriptors
            .chunks(MOST_DESCRIPTORS)
            .nth(whole)
            .unwrap_or_default();
        self.send_one(LAST, payload, rest)
    }

    fn send_one(&self, kind: u8, payload: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space =
            vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let parts = [
            IoSlice::new(std::slice::from_ref(&kind)),
            IoSlice::new(payload),
        ];
        loop {
            match sendmsg(&self.socket, &parts, &mut control, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next message; none when the other end is gone. `wait` is whether to wait for it, else the error is
    /// `WouldBlock`.
    pub fn receive(&mut self, wait: bool) -> io::Result<Option<Message>> {
        let mut buffer = vec![0; LONGEST];
        let flags = if wait {
            RecvFlags::empty()
        } else {
            RecvFlags::DONTWAIT
        };
        loop {
            let mut space =
                vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let received = match recvmsg(
                &self.socket,
                &mut parts,
                &mut control,
                flags | RecvFlags::CMSG_CLOEXEC,
            ) {
                Ok(received) => received.bytes,
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::CONNRESET) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    self.gathered.extend(descriptors);
                }
            }
            match buffer.get(..received) {
                Some([MORE, ..]) => {}
                Some([_, payload @ ..]) => {
                    let descriptors = std::mem::take(&mut self.gathered);
                    return Ok(Some(Message {
                        payload: payload.to_vec(),
                        descriptors,
                    }));
                }
                _ => return Ok(None),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, SeekFrom, Write};

    #[test]
    fn messages_and_descriptors_arrive_together() {
        let (master, worker) = Channel::pair().unwrap();
        let mut worker = Channel::new(worker);
        assert_eq!(
            worker.receive(false).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"content").unwrap();
        let many = vec![file.as_fd(); 450];
        master.send(b"first", &many).unwrap();
        master.send(b"second", &[]).unwrap();
        let first = worker.receive(true).unwrap().unwrap();
        assert_eq!(
            (&first.payload[..], first.descriptors.len()),
            (&b"first"[..], 450)
        );
        let mut copy = std::fs::File::from(first.descriptors.into_iter().next_back().unwrap());
        copy.seek(SeekFrom::Start(0)).unwrap();
        let mut text = String::new();
        copy.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        let second = worker.receive(true).unwrap().unwrap();
        assert_eq!(
            (&second.payload[..], second.descriptors.len()),
            (&b"second"[..], 0)
        );
        drop(master);
        assert!(worker.receive(true).unwrap().is_none());
    }
}
