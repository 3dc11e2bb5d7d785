//! A TLS session over a socket, as rustls keeps it, with reads and writes through `&self`.
//!
//! A write is reported as done once the last of its ciphertext is with the kernel: who has seen all of it written
//! needs no flush. Until then the session remembers how much it has taken in.

use super::socket::Socket;
use rustls::Connection;
use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

/// So much is encrypted before any of it is written: four records of the largest size.
const AT_ONCE: usize = 64 * 1024;

/// A TLS session and its socket.
#[derive(Debug)]
pub struct TlsStream {
    socket: Socket,
    session: RefCell<Box<Connection>>,
    /// Plaintext that was taken in, whose ciphertext is not all written.
    taken: Cell<usize>,
    /// Whether decrypted bytes wait to be read.
    readable: Cell<bool>,
    broken: Cell<bool>,
}

/// Why a handshake failed.
#[derive(Debug)]
pub enum HandshakeError {
    /// The other side closed or broke the connection.
    Io(io::Error),
    /// It closed the connection in good order, but before the end of the handshake.
    Closed,
    /// The sides cannot agree.
    Tls(rustls::Error),
}

impl TlsStream {
    /// A session, its handshake still to be made.
    pub fn new(socket: Socket, mut session: Connection) -> Self {
        // What waits to be written is bounded by what this type takes in.
        session.set_buffer_limit(None);
        TlsStream {
            socket,
            session: RefCell::new(Box::new(session)),
            taken: Cell::new(0),
            readable: Cell::new(false),
            broken: Cell::new(false),
        }
    }

    /// The socket below.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Looks at the session.
    pub fn session<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&self.session.borrow())
    }

    /// The same, to change it.
    pub fn session_mut<T>(&self, change: impl FnOnce(&mut Connection) -> T) -> T {
        change(&mut self.session.borrow_mut())
    }

    /// Makes the handshake. Session tickets may be left to be sent with the first answer.
    ///
    /// # Errors
    /// The sides cannot agree, or the connection broke; an alert has been sent where one is due.
    pub async fn handshake(&self) -> Result<(), HandshakeError> {
        std::future::poll_fn(|cx| self.poll_handshake(cx)).await
    }

    /// As [`TlsStream::handshake`].
    pub fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), HandshakeError>> {
        loop {
            if !self.may_be_left() {
                ready!(self.poll_flush(cx)).map_err(HandshakeError::Io)?;
            }
            if !self.session.borrow().is_handshaking() {
                let state = self.session.borrow_mut().process_new_packets();
                return Poll::Ready(match state {
                    Ok(state) => {
                        self.readable.set(is_readable(&state));
                        Ok(())
                    }
                    Err(e) => Err(HandshakeError::Tls(e)),
                });
            }
            // What came along with the first message was not looked at yet.
            let state = self.session.borrow_mut().process_new_packets();
            if let Err(e) = state {
                return self.fail(e);
            }
            let session = self.session.borrow();
            if !session.is_handshaking() || session.wants_write() {
                continue;
            }
            drop(session);
            match self.receive() {
                Ok(0) => return Poll::Ready(Err(HandshakeError::Closed)),
                Ok(_) => {}
                Err(Receive::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_readable(cx)).map_err(HandshakeError::Io)?;
                }
                Err(Receive::Io(e)) => return Poll::Ready(Err(HandshakeError::Io(e))),
                Err(Receive::Tls(e)) => return self.fail(e),
            }
        }
    }

    /// The sides cannot agree.
    fn fail(&self, error: rustls::Error) -> Poll<Result<(), HandshakeError>> {
        // The alert that says why.
        let _ = self.try_flush();
        self.broken.set(true);
        Poll::Ready(Err(HandshakeError::Tls(error)))
    }

    /// Whether what waits to be written can go out with the first answer: a server's tickets.
    fn may_be_left(&self) -> bool {
        let session = self.session.borrow();
        matches!(&**session, Connection::Server(s) if !s.is_handshaking()
            && s.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3))
    }

    /// As [`Stream::poll_read`](super::stream::Stream::poll_read).
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        loop {
            match self.try_read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_readable(cx))?;
                }
                other => return Poll::Ready(other),
            }
        }
    }

    /// As [`Stream::try_read`](super::stream::Stream::try_read).
    pub fn try_read(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            if let Some(n) = self.take_plaintext(buf)? {
                return Ok(n);
            }
            match self.receive() {
                Ok(_) => {}
                Err(Receive::Io(e)) => {
                    if e.kind() == io::ErrorKind::WouldBlock && self.taken.get() == 0 {
                        // Tickets and answers of the protocol itself, if nothing else went out to take them along.
                        let _ = self.try_flush();
                    }
                    return Err(e);
                }
                Err(Receive::Tls(e)) => {
                    let _ = self.try_flush();
                    self.broken.set(true);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, e));
                }
            }
        }
    }

    /// As [`Stream::poll_readable`](super::stream::Stream::poll_readable).
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.readable.get() {
            return Poll::Ready(Ok(()));
        }
        self.socket.poll_readable(cx)
    }

    /// As [`Stream::poll_closed`](super::stream::Stream::poll_closed).
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Option<i32>> {
        loop {
            if self.has_ended() {
                return Poll::Ready(None);
            }
            if self.readable.get() {
                return Poll::Pending;
            }
            match self.receive() {
                Ok(0) => return Poll::Ready(None),
                Ok(_) => {}
                Err(Receive::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => {
                    if ready!(self.socket.poll_readable(cx)).is_err() {
                        return Poll::Ready(None);
                    }
                }
                Err(Receive::Io(e)) => return Poll::Ready(e.raw_os_error()),
                Err(_) => return Poll::Ready(None),
            }
        }
    }

    /// As [`Stream::poll_write_vectored`](super::stream::Stream::poll_write_vectored).
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.taken.get() == 0 {
            let n = self.encrypt(bufs)?;
            self.taken.set(n);
        }
        ready!(self.poll_flush(cx))?;
        Poll::Ready(Ok(self.taken.replace(0)))
    }

    /// As [`Stream::poll_write_more`](super::stream::Stream::poll_write_more): what it takes goes out with what
    /// follows.
    pub fn poll_write_more(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = bufs.iter().map(|b| b.len()).sum();
        if self.taken.get() > 0 || length > AT_ONCE / 4 {
            return self.poll_write_vectored(cx, bufs);
        }
        Poll::Ready(self.encrypt(bufs))
    }

    /// As [`Stream::poll_sendfile`](super::stream::Stream::poll_sendfile), through a buffer of the thread.
    pub fn poll_sendfile(
        &self,
        cx: &mut Context<'_>,
        file: BorrowedFd<'_>,
        offset: &mut u64,
        count: usize,
    ) -> Poll<io::Result<usize>> {
        if self.taken.get() == 0 {
            let n = with_buffer(|buffer| {
                let room = buffer.get_mut(..count.min(AT_ONCE)).unwrap_or_default();
                let n = rustix::io::pread(file, &mut *room, *offset)?;
                let read = room.get(..n).unwrap_or_default();
                self.encrypt(&[IoSlice::new(read)])
            })?;
            self.taken.set(n);
        }
        ready!(self.poll_flush(cx))?;
        let n = self.taken.replace(0);
        *offset = offset.saturating_add(n as u64);
        Poll::Ready(Ok(n))
    }

    /// Says that the coming close is no regular end: no `close_notify` is sent.
    pub fn break_off(&self) {
        self.broken.set(true);
    }

    /// Ends the sending side: what is left goes out, then `close_notify`, unless it was broken off.
    pub fn shutdown_write(&self) {
        self.say_goodbye();
        self.socket.shutdown_write();
    }

    fn say_goodbye(&self) {
        if !self.broken.replace(true) {
            self.session.borrow_mut().send_close_notify();
            let _ = self.try_flush();
        }
    }

    /// Whether the other side has ended its direction, and all that came before is read.
    fn has_ended(&self) -> bool {
        let mut session = self.session.borrow_mut();
        match session.reader().fill_buf() {
            Ok(waiting) => waiting.is_empty(),
            Err(e) => e.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Moves decrypted bytes to `buf`; none if there are none yet.
    fn take_plaintext(&self, buf: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let mut session = self.session.borrow_mut();
        let mut reader = session.reader();
        let start = buf.len();
        loop {
            let room = buf.capacity() - buf.len();
            match reader.fill_buf() {
                Ok([]) if buf.len() == start => return Ok(Some(0)),
                Ok(chunk) if !chunk.is_empty() && room > 0 => {
                    let n = chunk.len().min(room);
                    buf.extend_from_slice(chunk.get(..n).unwrap_or_default());
                    reader.consume(n);
                }
                Ok(_) => {
                    // More of them, or the end, which came with them.
                    self.readable.set(true);
                    return Ok(Some(buf.len() - start));
                }
                Err(e) if buf.len() > start => {
                    self.readable.set(e.kind() != io::ErrorKind::WouldBlock);
                    return Ok(Some(buf.len() - start));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.readable.set(false);
                    return Ok(None);
                }
                // The end without close_notify: HTTP has ends of its own, and knows when one is missing.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(0)),
                Err(e) => return Err(e),
            }
        }
    }

    /// Takes in what has arrived; 0 at the end of the stream.
    fn receive(&self) -> Result<usize, Receive> {
        let mut session = self.session.borrow_mut();
        let n = session
            .read_tls(&mut Plain(&self.socket))
            .map_err(Receive::Io)?;
        let state = session.process_new_packets().map_err(Receive::Tls)?;
        self.readable.set(is_readable(&state));
        Ok(n)
    }

    /// Encrypts, at most so much that it stays in the cache.
    fn encrypt(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        let length: usize = bufs.iter().map(|b| b.len()).sum();
        if length <= AT_ONCE {
            return session.writer().write_vectored(bufs);
        }
        let mut done = 0;
        for buf in bufs {
            let part = buf.get(..AT_ONCE - done).unwrap_or(buf);
            done += session.writer().write(part)?;
            if done >= AT_ONCE {
                break;
            }
        }
        Ok(done)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.try_flush() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_writable(cx))?;
                }
                other => return Poll::Ready(other),
            }
        }
    }

    fn try_flush(&self) -> io::Result<()> {
        let mut session = self.session.borrow_mut();
        while session.wants_write() {
            session.write_tls(&mut Plain(&self.socket))?;
        }
        Ok(())
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.say_goodbye();
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether there is something to read. The end may have come with the last of the data: the socket will not say so again.
fn is_readable(state: &rustls::IoState) -> bool {
    state.plaintext_bytes_to_read() > 0 || state.peer_has_closed()
}

enum Receive {
    Io(io::Error),
    Tls(rustls::Error),
}

/// The socket as rustls wants to see it.
struct Plain<'a>(&'a Socket);

impl Read for Plain<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read_slice(buf)
    }
}

impl Write for Plain<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lends the buffer through which files go that are to be encrypted.
fn with_buffer<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(AT_ONCE, 0);
        use_it(buffer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::stream::Stream;
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use std::future::poll_fn;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    /// Both ends of a session.
    fn pair() -> (Stream, Stream) {
        let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
        let cert = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.clone()], key)
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(cert).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("a.example").unwrap();
        let server = rustls::ServerConnection::new(Arc::new(server)).unwrap();
        let client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        let tls = |socket: UnixStream, session| {
            socket.set_nonblocking(true).unwrap();
            let socket = Socket::new(socket.into(), true);
            Stream::Tls(Box::new(TlsStream::new(socket, session)))
        };
        (tls(a, server.into()), tls(b, client.into()))
    }

    async fn shake(server: &Stream, client: &Stream) {
        let (a, b) = tokio::join!(
            server.tls().unwrap().handshake(),
            client.tls().unwrap().handshake()
        );
        a.unwrap();
        b.unwrap();
    }

    async fn write_all(to: &Stream, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let n = poll_fn(|cx| to.poll_write_vectored(cx, &[IoSlice::new(bytes)]));
            bytes = &bytes[n.await.unwrap()..];
        }
    }

    async fn read_to_end(from: &Stream) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut buf = Vec::with_capacity(5000);
            if poll_fn(|cx| from.poll_read(cx, &mut buf)).await.unwrap() == 0 {
                return all;
            }
            all.extend(buf);
        }
    }

    #[tokio::test]
    async fn much_goes_through_in_both_ways_of_writing() {
        let (server, client) = pair();
        shake(&server, &client).await;
        let data: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&data).unwrap();
        let send = async {
            let head = [IoSlice::new(b"head")];
            let n = poll_fn(|cx| server.poll_write_more(cx, &head))
                .await
                .unwrap();
            assert_eq!(n, 4);
            let mut offset = 0;
            while offset < data.len() as u64 {
                poll_fn(|cx| server.poll_sendfile(cx, file.as_fd(), &mut offset, 700_000))
                    .await
                    .unwrap();
            }
            write_all(&server, &data).await;
            server.shutdown_write();
        };
        let (got, ()) = tokio::join!(read_to_end(&client), send);
        assert!(got == [b"head", &data[..], &data[..]].concat());
    }

    #[tokio::test]
    async fn the_end_is_noticed_but_not_while_data_waits() {
        let (server, client) = pair();
        shake(&server, &client).await;
        write_all(&client, b"GET").await;
        drop(client);
        let closed = poll_fn(|cx| Poll::Ready(server.poll_closed(cx))).await;
        assert!(closed.is_pending());
        assert_eq!(read_to_end(&server).await, b"GET");
        poll_fn(|cx| server.poll_closed(cx)).await;
    }

    #[tokio::test]
    async fn an_end_that_comes_with_the_last_data_is_readable() {
        let (server, client) = pair();
        shake(&server, &client).await;
        write_all(&client, b"the last").await;
        drop(client);
        let mut buf = Vec::with_capacity(100);
        poll_fn(|cx| server.poll_read(cx, &mut buf)).await.unwrap();
        assert_eq!(buf, b"the last");
        let readable = poll_fn(|cx| server.poll_readable(cx));
        let limit = std::time::Duration::from_secs(10);
        let readable = tokio::time::timeout(limit, readable).await;
        readable.unwrap().unwrap();
        assert_eq!(server.try_read(&mut buf).unwrap(), 0);
    }

    #[tokio::test]
    async fn a_peer_that_speaks_something_else_fails_the_handshake() {
        let (server, client) = pair();
        let Stream::Tls(client) = client else {
            unreachable!()
        };
        client
            .socket()
            .try_write_vectored(&[IoSlice::new(b"GET / HTTP/1.0\r\n\r\n")])
            .unwrap();
        let shaken = server.tls().unwrap().handshake().await;
        assert!(matches!(shaken, Err(HandshakeError::Tls(_))), "{shaken:?}");
    }
}
