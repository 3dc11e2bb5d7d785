//! A name server of the test's own, which says the same of every name until it is told to say something else.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What it says: the last numbers of addresses in 127.0.0.0/24, for a second; or an error's code.
#[derive(Clone)]
pub enum Says {
    Addresses(Vec<u8>),
    Error(u8),
}

/// The name server.
pub struct Names {
    /// Where it listens at 127.0.0.1.
    pub port: u16,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
}

impl Names {
    /// Starts it. It answers questions for IPv4 addresses.
    pub fn start(says: Says) -> Names {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let names = Names {
            port: socket.local_addr().unwrap().port(),
            says: Arc::new(Mutex::new(says)),
            asked: Arc::default(),
        };
        let (says, asked) = (Arc::clone(&names.says), Arc::clone(&names.asked));
        std::thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut message) {
                let says = says.lock().unwrap().clone();
                let _ = socket.send_to(&answer(&message[..length], &says), from);
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        names
    }

    /// Has it say something else.
    pub fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// How many questions it has answered.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn answer(question: &[u8], says: &Says) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2] = 0x81;
    answer[3] = 0x80;
    match says {
        Says::Error(code) => answer[3] |= code,
        Says::Addresses(all) => {
            answer[7] = all.len() as u8;
            for last in all {
                answer.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04\x7f\0\0");
                answer.push(*last);
            }
        }
    }
    answer
}
