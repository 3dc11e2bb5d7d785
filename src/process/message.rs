//! What master and worker say to each other.

use super::channel::{Channel, Message};
use super::snapshot::{Snapshot, read_path};
use super::wire::{Reader, Writer};
use crate::core::account::Account;
use crate::cycle::Options;
use rustix::fs::{MemfdFlags, memfd_create};
use socket2::Socket;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A log file, by the name under which the configuration knows it.
pub type LogFile = (PathBuf, OwnedFd);

/// The same on its way out.
pub type OpenLog = (PathBuf, Arc<OwnedFd>);

/// A configuration on its way to the worker: all that the worker needs to come to the same cycle as the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The number of the cycle, from 1.
    pub number: u64,
    /// What it is loaded with.
    pub options: LoadOptions,
    /// What is read in the course of it.
    pub snapshot: Snapshot,
    /// Whom the worker is to run as, if it starts as root.
    pub account: Option<Account>,
    /// How many sockets there are for each address.
    pub sockets: Vec<u64>,
    /// The names of the log files.
    pub logs: Vec<PathBuf>,
}

/// The part of [`Options`] that goes over the channel; a worker never only tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    prefix: PathBuf,
    conf_file: PathBuf,
    conf_prefix: PathBuf,
    error_log: PathBuf,
    globals: Option<String>,
    superuser: bool,
}

impl LoadOptions {
    /// What goes over.
    pub fn new(options: &Options) -> LoadOptions {
        LoadOptions {
            prefix: options.prefix.clone(),
            conf_file: options.conf_file.clone(),
            conf_prefix: options.conf_prefix.clone(),
            error_log: options.error_log.clone(),
            globals: options.globals.clone(),
            superuser: options.superuser,
        }
    }

    /// What is loaded with.
    pub fn into_options(self) -> Options {
        let LoadOptions {
            prefix,
            conf_file,
            conf_prefix,
            error_log,
            globals,
            superuser,
        } = self;
        Options {
            prefix,
            conf_file,
            conf_prefix,
            error_log,
            globals,
            superuser,
            test: false,
        }
    }
}

/// What the master tells the worker.
#[derive(Debug)]
pub enum Order {
    /// Put this configuration in force.
    Load {
        /// The configuration.
        manifest: Box<Manifest>,
        /// The sockets of each address.
        sockets: Vec<Vec<Socket>>,
        /// The log files, open.
        logs: Vec<LogFile>,
    },
    /// Write to these files from now on.
    Reopen(Vec<LogFile>),
    /// Finish what runs, then stop.
    Quit,
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The cycle with this number is in force, and connections are accepted.
    Ready(u64),
    /// The cycle with this number cannot be put in force.
    Refused(u64),
}

const LOAD: u8 = b'L';
const REOPEN: u8 = b'O';
const QUIT: u8 = b'Q';
const READY: u8 = b'R';
const REFUSED: u8 = b'X';

/// Sends a configuration. The sockets are given address by address, the logs in the order of the manifest.
pub fn send_load(
    channel: &Channel,
    manifest: &Manifest,
    sockets: Vec<BorrowedFd<'_>>,
    logs: &[OpenLog],
) -> io::Result<()> {
    send_with_text(channel, LOAD, &manifest.write(), sockets, logs)
}

/// Sends log files.
pub fn send_reopen(channel: &Channel, logs: &[OpenLog]) -> io::Result<()> {
    let mut writer = Writer::default();
    write_paths(&mut writer, logs.iter().map(|(path, _)| path));
    send_with_text(channel, REOPEN, &writer.finish(), Vec::new(), logs)
}

/// Sends the order to stop.
pub fn send_quit(channel: &Channel) -> io::Result<()> {
    channel.send(&[QUIT], &[])
}

/// Texts have any length: they go as a file in memory.
fn send_with_text(
    channel: &Channel,
    kind: u8,
    text: &[u8],
    sockets: Vec<BorrowedFd<'_>>,
    logs: &[OpenLog],
) -> io::Result<()> {
    let mut file = File::from(memfd_create("goodgate-manifest", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    let mut descriptors = vec![file.as_fd()];
    descriptors.extend(sockets);
    descriptors.extend(logs.iter().map(|(_, log)| log.as_fd()));
    channel.send(&[kind], &descriptors)
}

/// The next order; none when the master is gone.
pub fn receive_order(channel: &mut Channel, wait: bool) -> io::Result<Option<Order>> {
    let Some(Message {
        payload,
        descriptors,
    }) = channel.receive(wait)?
    else {
        return Ok(None);
    };
    let order = match payload.first() {
        Some(&QUIT) => Some(Order::Quit),
        Some(&LOAD) => read_load(descriptors)?,
        Some(&REOPEN) => read_reopen(descriptors)?,
        _ => None,
    };
    order
        .map(Some)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn read_load(descriptors: Vec<OwnedFd>) -> io::Result<Option<Order>> {
    let mut descriptors = descriptors.into_iter();
    let text = read_text(descriptors.next())?;
    let Some(manifest) = Manifest::read(&mut Reader::new(&text)) else {
        return Ok(None);
    };
    let mut take = |count: u64| -> Vec<Socket> {
        (0..count)
            .map_while(|_| descriptors.next().map(Socket::from))
            .collect()
    };
    let sockets = manifest.sockets.iter().map(|count| take(*count)).collect();
    let logs = manifest.logs.iter().cloned().zip(descriptors).collect();
    Ok(Some(Order::Load {
        manifest: Box::new(manifest),
        sockets,
        logs,
    }))
}

fn read_reopen(descriptors: Vec<OwnedFd>) -> io::Result<Option<Order>> {
    let mut descriptors = descriptors.into_iter();
    let text = read_text(descriptors.next())?;
    let paths = Reader::new(&text).list(read_path);
    Ok(paths.map(|paths| Order::Reopen(paths.into_iter().zip(descriptors).collect())))
}

fn read_text(descriptor: Option<OwnedFd>) -> io::Result<Vec<u8>> {
    let file = File::from(descriptor.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?);
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut text = vec![0; length];
    // The descriptor shares its position with the sender's.
    file.read_exact_at(&mut text, 0)?;
    Ok(text)
}

impl Report {
    /// Sends it.
    pub fn send(&self, channel: &Channel) -> io::Result<()> {
        let (kind, number) = match self {
            Report::Ready(number) => (READY, *number),
            Report::Refused(number) => (REFUSED, *number),
        };
        let mut payload = vec![kind];
        payload.extend_from_slice(&number.to_le_bytes());
        channel.send(&payload, &[])
    }

    /// The next report; none when the worker is gone.
    pub fn receive(channel: &mut Channel, wait: bool) -> io::Result<Option<Report>> {
        let Some(message) = channel.receive(wait)? else {
            return Ok(None);
        };
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let (kind, number) = message.payload.split_first().ok_or_else(invalid)?;
        let number = Reader::new(number).number().ok_or_else(invalid)?;
        match *kind {
            READY => Ok(Some(Report::Ready(number))),
            REFUSED => Ok(Some(Report::Refused(number))),
            _ => Err(invalid()),
        }
    }
}

impl Manifest {
    fn write(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.number(self.number);
        let options = &self.options;
        write_paths(
            &mut w,
            [
                &options.prefix,
                &options.conf_file,
                &options.conf_prefix,
                &options.error_log,
            ]
            .into_iter(),
        );
        w.list(options.globals.iter(), |w, text| {
            w.bytes(text.as_bytes());
        });
        w.number(options.superuser.into());
        self.snapshot.write(&mut w);
        w.list(self.account.iter(), |w, account| {
            w.bytes(account.name.as_bytes())
                .number(account.uid.into())
                .number(account.gid.into());
        });
        w.list(self.sockets.iter(), |w, count| {
            w.number(*count);
        });
        write_paths(&mut w, self.logs.iter());
        w.finish()
    }

    fn read(r: &mut Reader<'_>) -> Option<Manifest> {
        let number = r.number()?;
        let [prefix, conf_file, conf_prefix, error_log] = r.list(read_path)?.try_into().ok()?;
        let globals = r
            .list(|r| String::from_utf8(r.bytes()?.to_vec()).ok())?
            .pop();
        let superuser = r.number()? != 0;
        let snapshot = Snapshot::read(r)?;
        let account = r.list(|r| {
            let name = String::from_utf8(r.bytes()?.to_vec()).ok()?;
            Some(Account {
                name,
                uid: u32::try_from(r.number()?).ok()?,
                gid: u32::try_from(r.number()?).ok()?,
            })
        })?;
        Some(Manifest {
            number,
            options: LoadOptions {
                prefix,
                conf_file,
                conf_prefix,
                error_log,
                globals,
                superuser,
            },
            snapshot,
            account: account.into_iter().next(),
            sockets: r.list(Reader::number)?,
            logs: r.list(read_path)?,
        })
    }
}

fn write_paths<'a>(writer: &mut Writer, paths: impl ExactSizeIterator<Item = &'a PathBuf>) {
    writer.list(paths, |w, path| {
        w.bytes(path.as_os_str().as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::address::Addr;
    use crate::net::listen::ListenSpec;

    fn log() -> Arc<OwnedFd> {
        Arc::new(tempfile::tempfile().unwrap().into())
    }

    fn manifest() -> Manifest {
        let path = |name: &str| PathBuf::from(name);
        Manifest {
            number: 3,
            options: LoadOptions {
                prefix: path("/p/"),
                conf_file: path("/p/nginx.conf"),
                conf_prefix: path("/p/"),
                error_log: path("/p/error.log"),
                globals: Some(String::from("daemon off;")),
                superuser: true,
            },
            snapshot: Snapshot::default(),
            account: Some(Account {
                name: String::from("www-data"),
                uid: 33,
                gid: 33,
            }),
            sockets: vec![1, 2],
            logs: vec![path("/p/error.log")],
        }
    }

    #[test]
    fn a_configuration_arrives_with_its_sockets_and_logs() {
        let (master, worker) = Channel::pair().unwrap();
        let mut worker = Channel::new(worker);
        let bind = || {
            ListenSpec::new(Addr::Inet("127.0.0.1:0".parse().unwrap()))
                .bind()
                .unwrap()
        };
        let sockets = [bind(), bind(), bind()];
        let logs = [(PathBuf::from("/p/error.log"), log())];
        let borrowed = sockets.iter().map(|s| s.as_fd()).collect();
        send_load(&master, &manifest(), borrowed, &logs).unwrap();
        let Some(Order::Load {
            manifest: got,
            sockets: arrived,
            logs,
        }) = receive_order(&mut worker, true).unwrap()
        else {
            panic!("no configuration");
        };
        assert_eq!(*got, manifest());
        assert_eq!(arrived.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        let local = |s: &Socket| s.local_addr().unwrap().as_socket();
        assert_eq!(local(&arrived[1][1]), local(&sockets[2]));
        assert_eq!(logs.len(), 1);
    }

    #[test]
    fn short_orders_and_reports() {
        let (master, worker) = Channel::pair().unwrap();
        let (mut master, mut worker) = (master, Channel::new(worker));
        send_quit(&master).unwrap();
        assert!(matches!(
            receive_order(&mut worker, true).unwrap(),
            Some(Order::Quit)
        ));
        send_reopen(&master, &[(PathBuf::from("/l"), log())]).unwrap();
        let Some(Order::Reopen(logs)) = receive_order(&mut worker, true).unwrap() else {
            panic!("no logs")
        };
        assert_eq!(logs[0].0, PathBuf::from("/l"));
        Report::Ready(7).send(&worker).unwrap();
        assert_eq!(
            Report::receive(&mut master, true).unwrap(),
            Some(Report::Ready(7))
        );
        drop(worker);
        assert_eq!(Report::receive(&mut master, true).unwrap(), None);
    }
}
