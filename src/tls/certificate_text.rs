//! What is in a certificate, as OpenSSL prints it.

use std::fmt::Write;
use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::der_parser::oid::Oid;
use x509_parser::prelude::X509Certificate;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// OpenSSL's short names of what names consist of.
static SHORT_NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.16", "postalAddress"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.18", "postOfficeBox"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.72", "role"),
    ("2.5.4.97", "organizationIdentifier"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.3", "mail"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
];

fn short_name(oid: &Oid<'_>) -> Option<&'static str> {
    let text = oid.to_id_string();
    let mut names = SHORT_NAMES.iter();
    names.find(|(id, _)| *id == text).map(|(_, name)| *name)
}

/// A name as RFC 2253 has it: `CN=localhost,O=Example`.
pub fn rfc2253(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let parts: Vec<_> = name.iter_rdn().collect();
    for (i, part) in parts.into_iter().rev().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let attributes: Vec<_> = part.iter().collect();
        for (j, attribute) in attributes.into_iter().rev().enumerate() {
            if j > 0 {
                out.push('+');
            }
            rfc2253_attribute(attribute, &mut out);
        }
    }
    out
}

fn rfc2253_attribute(attribute: &AttributeTypeAndValue<'_>, out: &mut String) {
    let value = attribute.attr_value();
    let name = short_name(attribute.attr_type());
    match name {
        Some(name) => out.push_str(name),
        None => out.push_str(&attribute.attr_type().to_id_string()),
    }
    out.push('=');
    match characters(value).filter(|_| name.is_some()) {
        Some(text) => escape(&text, out),
        None => {
            // What is not understood is shown as it was encoded.
            out.push('#');
            for byte in encoded(value) {
                let _ = write!(out, "{byte:02X}");
            }
        }
    }
}

fn escape(text: &str, out: &mut String) {
    let last = text.chars().count().saturating_sub(1);
    for (i, c) in text.chars().enumerate() {
        let first_only = i == 0 && (c == '#' || c == ' ');
        if first_only
            || (i == last && c == ' ')
            || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
        {
            out.push('\\');
            out.push(c);
        } else if c < ' ' || c == '\x7f' || !c.is_ascii() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "\\{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
}

/// A name in OpenSSL's old way: `/O=Example/CN=localhost`.
pub fn oneline(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let parts = name.iter_rdn().flat_map(|part| part.iter().enumerate());
    for (number, attribute) in parts {
        out.push(if number == 0 { '/' } else { '+' });
        match short_name(attribute.attr_type()) {
            Some(name) => out.push_str(name),
            None => out.push_str(&attribute.attr_type().to_id_string()),
        }
        out.push('=');
        for byte in attribute.attr_value().data {
            match byte {
                b' '..=b'~' => out.push(char::from(*byte)),
                _ => drop(write!(out, "\\x{byte:02X}")),
            }
        }
    }
    out
}

/// The characters of a string of any of the types that names have.
fn characters(value: &Any<'_>) -> Option<String> {
    let data = value.data;
    let wide = |size: usize| {
        let codes = data.chunks(size).map(|chunk| {
            let code = chunk
                .iter()
                .fold(0u32, |code, byte| code << 8 | u32::from(*byte));
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        });
        codes.collect()
    };
    match value.tag() {
        Tag::Utf8String => Some(String::from_utf8_lossy(data).into_owned()),
        Tag::BmpString => Some(wide(2)),
        Tag::UniversalString => Some(wide(4)),
        Tag::PrintableString
        | Tag::T61String
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => Some(data.iter().map(|byte| char::from(*byte)).collect()),
        _ => None,
    }
}

fn encoded(value: &Any<'_>) -> Vec<u8> {
    use x509_parser::asn1_rs::ToDer;
    value.to_der_vec().unwrap_or_else(|_| value.data.to_vec())
}

/// The serial number in hexadecimal.
pub fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = certificate.raw_serial();
    let bytes = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02X}");
        out
    })
}

/// A time as `ASN1_TIME_print` writes it: `Feb  3 00:55:52 2015 GMT`.
pub fn time(time: &ASN1Time) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let time = time.to_datetime();
    let month = MONTHS.get(usize::from(u8::from(time.month())).saturating_sub(1));
    format!(
        "{} {:2} {:02}:{:02}:{:02} {} GMT",
        month.unwrap_or(&"Bad"),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.year()
    )
}
