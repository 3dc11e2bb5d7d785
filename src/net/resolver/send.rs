//! How questions get to name servers and answers come back. Each name that is asked for has sockets of its own: an
//! answer that is made up must guess the port as well as the number of the question.

use crate::log::{self, Level};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UdpSocket};

/// The longest answer over UDP.
const LARGEST: usize = 4096;
/// How long a question over TCP may take.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);

/// The ways to the servers that were asked for one name.
#[derive(Default)]
pub struct Channels {
    udp: Vec<(SocketAddr, UdpSocket)>,
    tcp: Vec<Exchange>,
}

/// A question over TCP under way.
type Exchange = Pin<Box<dyn Future<Output = io::Result<Vec<u8>>>>>;

/// A message that came.
pub struct Event {
    /// Its bytes.
    pub message: Vec<u8>,
    /// How it came.
    pub tcp: bool,
}

impl Channels {
    /// Sends a question to a server. Returns whether that was possible; if not, the error log says why.
    pub async fn send(&mut self, server: SocketAddr, question: &[u8]) -> bool {
        let socket = match self.udp.iter().position(|(s, _)| *s == server) {
            Some(at) => self.udp.swap_remove(at).1,
            None => match connect(server).await {
                Ok(socket) => socket,
                Err(e) => {
                    complain("connect()", &e, server);
                    return false;
                }
            },
        };
        match socket.send(question).await {
            Ok(_) => {
                self.udp.push((server, socket));
                true
            }
            Err(e) => {
                complain("send()", &e, server);
                false
            }
        }
    }

    /// Sends a question to a server over TCP. What becomes of it, [`Channels::next`] finds out.
    pub fn send_over_tcp(&mut self, server: SocketAddr, question: &[u8]) {
        let question = question.to_vec();
        self.tcp.push(Box::pin(async move {
            let exchange = tokio::time::timeout(TCP_TIMEOUT, over_tcp(server, &question));
            let answer = exchange
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            answer.inspect_err(|e| {
                if e.raw_os_error().is_some() {
                    complain("connect()", e, server);
                }
            })
        }));
    }

    /// Waits for the next message from any of the servers.
    pub async fn next(&mut self) -> Event {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut arrived = None;
        self.udp.retain(|(server, socket)| {
            if arrived.is_some() {
                return true;
            }
            let mut memory = [0; LARGEST];
            let mut buf = ReadBuf::new(&mut memory);
            match socket.poll_recv(cx, &mut buf) {
                Poll::Pending => true,
                Poll::Ready(Ok(())) => {
                    arrived = Some(buf.filled().to_vec());
                    true
                }
                Poll::Ready(Err(e)) => {
                    complain("recv()", &e, *server);
                    false
                }
            }
        });
        if let Some(message) = arrived {
            let tcp = false;
            return Poll::Ready(Event { message, tcp });
        }
        self.tcp.retain_mut(|exchange| {
            if arrived.is_some() {
                return true;
            }
            match exchange.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready(answer) => {
                    arrived = answer.ok();
                    false
                }
            }
        });
        match arrived {
            Some(message) => Poll::Ready(Event { message, tcp: true }),
            None => Poll::Pending,
        }
    }
}

async fn connect(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    Ok(socket)
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut text = length.to_be_bytes().to_vec();
    text.extend_from_slice(question);
    stream.write_all(&text).await?;
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

fn complain(call: &str, e: &io::Error, server: SocketAddr) {
    let errno = crate::config::source::errno(e);
    log::event(
        Level::Error,
        format_args!("{call} failed ({errno}) while resolving, resolver: {server}"),
    );
}
