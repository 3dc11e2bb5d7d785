//! The messages of RFC 1035: a question for the addresses of a name, and what of an answer matters to us. Names may be
//! longer than the RFC allows, as in nginx, which is why they are not read as hickory's.

use super::error::text;
use hickory_proto::rr::{DNSClass, RecordType};
use hickory_proto::serialize::binary::{BinDecoder, DecodeError};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A
    V4,
    /// AAAA
    V6,
}

impl Family {
    fn record_type(self) -> RecordType {
        match self {
            Family::V4 => RecordType::A,
            Family::V6 => RecordType::AAAA,
        }
    }
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The number of the question that it answers.
    pub id: u16,
    /// The response code; 0 if all is well.
    pub code: u8,
    /// Whether it was cut: it must be asked for over TCP.
    pub truncated: bool,
    /// Which question it answers.
    pub family: Family,
    /// The name of that question, in lower case.
    pub name: Vec<u8>,
    /// What the records say. Not looked at if it is an error or cut.
    pub records: Result<Records, Malformed>,
}

/// What the records of an answer say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// How many there are.
    pub count: u16,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// The name that the last CNAME leads to, and whether it can be read.
    pub alias: Option<Result<Vec<u8>, Malformed>>,
    /// The shortest life of a record, in seconds.
    pub ttl: Option<u32>,
    /// Types of records that nobody asked for.
    pub unexpected: Vec<u16>,
}

/// Why a message is ignored: nginx's sentence for the error log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends too early.
    Short,
    /// It is no answer to a plain question.
    Flags {
        /// How it came.
        tcp: bool,
        /// Its number.
        id: u16,
        /// Its flags.
        flags: u16,
    },
    /// An error of which it cannot be said what question it answers.
    Code(u8, u16),
    /// A class other than IN.
    QueryClass(u16),
    /// Neither A nor AAAA was asked.
    QueryType(u16),
    /// A record of a class other than IN.
    RecordClass(u16),
    /// Something else.
    Other(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Malformed::Short => f.write_str("short DNS response"),
            Malformed::Flags { tcp, id, flags } => {
                let how = if tcp { "TCP" } else { "UDP" };
                write!(f, "invalid {how} DNS response {id} fl:{flags:04X}")
            }
            Malformed::Code(code, id) => {
                write!(f, "DNS error ({code}: {}), query id:{id}", text(code))
            }
            Malformed::QueryClass(class) => {
                write!(f, "unknown query class {class} in DNS response")
            }
            Malformed::QueryType(kind) => write!(f, "unknown query type {kind} in DNS response"),
            Malformed::RecordClass(class) => {
                write!(f, "unexpected RR class {class} in DNS response")
            }
            Malformed::Other(sentence) => f.write_str(sentence),
        }
    }
}

impl From<DecodeError> for Malformed {
    fn from(_: DecodeError) -> Self {
        Malformed::Short
    }
}

/// The longest label of a name.
const LONGEST_LABEL: usize = 63;
/// No name that is asked for is longer: what is refused here cannot exist anyway.
const LONGEST_NAME: usize = 1024;
/// A name with more pieces than this is taken for a loop.
const MOST_PIECES: usize = 128;

/// A question; nothing if there can be no such name.
pub fn question(id: u16, family: Family, name: &[u8]) -> Option<Vec<u8>> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    const RECURSION_DESIRED: u16 = 0x0100;
    let mut out = Vec::with_capacity(name.len().saturating_add(18));
    for number in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    for label in name.split(|&b| b == b'.') {
        let length = u8::try_from(label.len()).ok()?;
        if !(1..=LONGEST_LABEL).contains(&label.len()) {
            return None;
        }
        out.push(length);
        out.extend_from_slice(label);
    }
    out.push(0);
    out.extend_from_slice(&u16::from(family.record_type()).to_be_bytes());
    out.extend_from_slice(&u16::from(DNSClass::IN).to_be_bytes());
    Some(out)
}

/// Reads a message that came from a name server.
///
/// # Errors
/// It is no answer that could be ours.
pub fn read(message: &[u8], tcp: bool) -> Result<Answer, Malformed> {
    const TRUNCATED: u16 = 0x0200;
    const LARGEST_CODE: u8 = 5;
    let mut d = BinDecoder::new(message);
    let id = number(&mut d)?;
    let flags = number(&mut d)?;
    let (questions, count) = (number(&mut d)?, number(&mut d)?);
    let _ = (number(&mut d)?, number(&mut d)?);
    let truncated = flags & TRUNCATED != 0;
    if flags & 0xf870 != 0x8000 || (truncated && tcp) {
        return Err(Malformed::Flags { tcp, id, flags });
    }
    let code = flags.to_be_bytes()[1] & 0xf;
    if code == 1 || code > LARGEST_CODE {
        return Err(Malformed::Code(code, id));
    }
    if questions != 1 {
        return Err(Malformed::Other(
            "invalid number of questions in DNS response",
        ));
    }
    let (name, family) = read_question(&mut d)?;
    let records = if code == 0 && !truncated {
        records(&mut d, message, family, count)
    } else {
        Ok(Records::default())
    };
    Ok(Answer {
        id,
        code,
        truncated,
        family,
        name,
        records,
    })
}

fn read_question(d: &mut BinDecoder<'_>) -> Result<(Vec<u8>, Family), Malformed> {
    let mut name = Vec::new();
    loop {
        let length = d.pop()?.unverified();
        if length & 0xc0 != 0 {
            return Err(Malformed::Other(
                "unexpected compression pointer in DNS response",
            ));
        }
        if length == 0 {
            break;
        }
        push_label(&mut name, d.read_slice(usize::from(length))?.unverified());
    }
    if name.is_empty() {
        return Err(Malformed::Other("zero-length domain name in DNS response"));
    }
    let (kind, class) = (number(d)?, number(d)?);
    if DNSClass::from(class) != DNSClass::IN {
        return Err(Malformed::QueryClass(class));
    }
    match RecordType::from(kind) {
        RecordType::A => Ok((name, Family::V4)),
        RecordType::AAAA => Ok((name, Family::V6)),
        _ => Err(Malformed::QueryType(kind)),
    }
}

fn records(
    d: &mut BinDecoder<'_>,
    message: &[u8],
    family: Family,
    count: u16,
) -> Result<Records, Malformed> {
    let mut records = Records {
        count,
        ..Records::default()
    };
    for _ in 0..count {
        skip_name(d)?;
        let (kind, class) = (number(d)?, number(d)?);
        // RFC 2181, 8: one with its highest bit set is 0.
        let ttl = d.read_u32()?.unverified();
        let ttl = if ttl > i32::MAX.unsigned_abs() {
            0
        } else {
            ttl
        };
        let length = usize::from(number(d)?);
        if DNSClass::from(class) != DNSClass::IN {
            return Err(Malformed::RecordClass(class));
        }
        records.ttl = Some(records.ttl.map_or(ttl, |shortest| shortest.min(ttl)));
        match RecordType::from(kind) {
            RecordType::A if family != Family::V4 => {
                return Err(Malformed::Other("unexpected A record in DNS response"));
            }
            RecordType::A if length != 4 => {
                return Err(Malformed::Other("invalid A record in DNS response"));
            }
            RecordType::A => {
                let address = Ipv4Addr::from(d.read_u32()?.unverified());
                records.addresses.push(IpAddr::V4(address));
            }
            RecordType::AAAA if family != Family::V6 => {
                return Err(Malformed::Other("unexpected AAAA record in DNS response"));
            }
            RecordType::AAAA if length != 16 => {
                return Err(Malformed::Other("invalid AAAA record in DNS response"));
            }
            RecordType::AAAA => {
                let bytes = d.read_slice(16)?.unverified();
                let bytes: [u8; 16] = bytes.try_into().map_err(|_| Malformed::Short)?;
                records.addresses.push(IpAddr::V6(Ipv6Addr::from(bytes)));
            }
            RecordType::CNAME => {
                records.alias = Some(name_at(message, d.index()));
                d.read_slice(length)?;
            }
            // What a CNAME beside it says in full.
            RecordType::DNAME => drop(d.read_slice(length)?),
            _ => {
                records.unexpected.push(kind);
                d.read_slice(length)?;
            }
        }
    }
    Ok(records)
}

/// Goes on behind the name of a record, which may differ from what was asked for.
fn skip_name(d: &mut BinDecoder<'_>) -> Result<(), Malformed> {
    let mut labels = 0usize;
    loop {
        let length = d.pop()?.unverified();
        if length & 0xc0 != 0 {
            d.pop()?;
            return Ok(());
        }
        if length == 0 {
            return match labels {
                0 => Err(Malformed::Other("invalid name in DNS response")),
                _ => Ok(()),
            };
        }
        labels = labels.saturating_add(1);
        d.read_slice(usize::from(length))?;
    }
}

/// The name that begins at `start`, in lower case with dots; pieces of it may stand elsewhere in the message.
fn name_at(message: &[u8], start: usize) -> Result<Vec<u8>, Malformed> {
    const OUT: Malformed = Malformed::Other("name is out of DNS response");
    let from = |start: usize| message.get(start..).map(BinDecoder::new).ok_or(OUT);
    let mut d = from(start)?;
    let mut name = Vec::new();
    for _ in 0..MOST_PIECES {
        let length = d.pop().map_err(|_| OUT)?.unverified();
        match length & 0xc0 {
            0 if length == 0 => return Ok(name),
            0 => {
                let label = d.read_slice(usize::from(length)).map_err(|_| OUT)?;
                push_label(&mut name, label.unverified());
            }
            0xc0 => {
                let low = d.pop().map_err(|_| OUT)?.unverified();
                d = from(usize::from(u16::from_be_bytes([length & 0x3f, low])))?;
            }
            _ => return Err(Malformed::Other("invalid label type in DNS response")),
        }
    }
    Err(Malformed::Other(
        "compression pointers loop in DNS response",
    ))
}

fn push_label(name: &mut Vec<u8>, label: &[u8]) {
    if !name.is_empty() {
        name.push(b'.');
    }
    name.extend(label.iter().map(u8::to_ascii_lowercase));
}

fn number(d: &mut BinDecoder<'_>) -> Result<u16, Malformed> {
    Ok(d.read_u16()?.unverified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &[u8] = b"\x01a\x07example\x03net\0";

    /// An answer to a question for `a.example.net`.
    fn answer(flags: u16, family: Family, records: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for n in [7, flags, 1, records.len() as u16, 0, 0] {
            out.extend_from_slice(&n.to_be_bytes());
        }
        out.extend_from_slice(NAME);
        out.extend_from_slice(&u16::from(family.record_type()).to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        records.iter().for_each(|r| out.extend_from_slice(r));
        out
    }

    fn records(records: &[&[u8]]) -> Result<Records, Malformed> {
        read(&answer(0x8180, Family::V4, records), false)
            .unwrap()
            .records
    }

    #[test]
    fn a_question_is_a_message() {
        let text = question(0x1234, Family::V6, b"a.example.net").unwrap();
        assert_eq!(&text[..12], b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0");
        assert_eq!(&text[12..27], NAME);
        assert_eq!(&text[27..], b"\0\x1c\0\x01");
        for name in [&b""[..], b"a..b", b".a", &[b'x'; 64]] {
            assert_eq!(question(1, Family::V4, name), None);
        }
    }

    #[test]
    fn addresses_and_aliases() {
        let a = b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\x7f\0\0\x01";
        let cname = b"\xc0\x0c\0\x05\0\x01\0\0\0\x05\0\x04\x01B\xc0\x0e";
        let found = records(&[cname, a]).unwrap();
        assert_eq!(found.addresses, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        assert_eq!(found.alias, Some(Ok(b"b.example.net".to_vec())));
        assert_eq!(found.ttl, Some(5));
        let answer = read(&answer(0x8180, Family::V4, &[]), false).unwrap();
        assert_eq!((answer.id, answer.name), (7, b"a.example.net".to_vec()));
    }

    #[test]
    fn nonsense_is_named() {
        let looping = b"\xc0\x0c\0\x05\0\x01\0\0\0\x05\0\x02\xc0\x2b";
        let alias = records(&[looping]).unwrap().alias;
        assert_eq!(
            alias,
            Some(Err(Malformed::Other(
                "compression pointers loop in DNS response"
            )))
        );
        let short = b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10";
        assert_eq!(records(&[short]), Err(Malformed::Short));
        let long = b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x05\x7f\0\0\x01\0";
        let said = records(&[long]).unwrap_err().to_string();
        assert_eq!(said, "invalid A record in DNS response");
        let said = |flags| {
            read(&answer(flags, Family::V4, &[]), false)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(said(0x8181), "DNS error (1: Format error), query id:7");
        assert_eq!(said(0x0180), "invalid UDP DNS response 7 fl:0180");
        assert_eq!(read(b"\0\x07", false), Err(Malformed::Short));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(tail in proptest::collection::vec(any::<u8>(), 0..200), count in 0u16..9) {
            let mut message = answer(0x8180, Family::V6, &[&tail]);
            message[7] = count as u8;
            let _ = read(&message, false);
            let _ = read(&tail, true);
        }
    }
}
