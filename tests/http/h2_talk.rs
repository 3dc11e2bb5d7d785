//! Requests over HTTP/2 by a client that follows the rules, and the answers as HTTP/1.1 would write them.

use bytes::Bytes;
use h2::client::SendRequest;
use std::future::poll_fn;
use tokio::net::TcpStream;

/// A request to be made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// GET if it is empty.
    pub method: &'a str,
    pub path: &'a str,
    /// Fields in lines: `name: value`. `host` becomes the authority.
    pub fields: &'a str,
    /// The body, in so many pieces. None at all if there are none.
    pub body: &'a [&'a str],
    /// Trailer fields behind it, in lines.
    pub trailers: &'a str,
}

/// A GET.
pub fn get(path: &str) -> Ask<'_> {
    Ask {
        path,
        ..Ask::default()
    }
}

/// Makes requests one after the other on a connection to a port of this machine; each answer, or why there is none.
pub fn talk(port: u16, asks: &[Ask]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut answers = Vec::new();
        for ask in asks {
            let answer = exchange(&mut client, *ask).await;
            answers.push(answer.unwrap_or_else(|e| format!("error: {e}")));
        }
        drop(client);
        connection.abort();
        answers
    })
}

fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter_map(|line| line.trim().split_once(':'))
        .map(|(name, value)| (name, value.trim()))
}

async fn exchange(client: &mut SendRequest<Bytes>, ask: Ask<'_>) -> Result<String, h2::Error> {
    poll_fn(|cx| client.poll_ready(cx)).await?;
    let host = lines(ask.fields).find(|(name, _)| *name == "host");
    let host = host.map_or("h", |(_, value)| value);
    let method = if ask.method.is_empty() {
        "GET"
    } else {
        ask.method
    };
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("http://{host}{}", ask.path));
    for (name, value) in lines(ask.fields).filter(|(name, _)| *name != "host") {
        request = request.header(name, value);
    }
    let (response, mut sender) =
        client.send_request(request.body(()).unwrap(), ask.body.is_empty())?;
    for (number, piece) in ask.body.iter().enumerate() {
        let last = number + 1 == ask.body.len() && ask.trailers.is_empty();
        sender.send_data(Bytes::copy_from_slice(piece.as_bytes()), last)?;
    }
    if !ask.trailers.is_empty() {
        let mut map = http::HeaderMap::new();
        for (name, value) in lines(ask.trailers) {
            map.append(
                http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        sender.send_trailers(map)?;
    }
    let (head, mut body) = response.await?.into_parts();
    let mut text = format!("HTTP/1.1 {}\r\n", head.status.as_str());
    write(&mut text, &head.headers);
    text.push_str("\r\n");
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        match data {
            Ok(data) => {
                let _ = body.flow_control().release_capacity(data.len());
                all.extend(data);
            }
            Err(e) => all.extend(format!("\n-- cut: {e}").bytes()),
        }
    }
    text.push_str(&String::from_utf8_lossy(&all));
    if let Ok(Some(trailers)) = body.trailers().await {
        text.push_str("\n-- trailers:\n");
        write(&mut text, &trailers);
    }
    Ok(text)
}

/// Names as HTTP/1.1 usually writes them.
fn write(out: &mut String, fields: &http::HeaderMap) {
    for (name, value) in fields {
        let mut start = true;
        for c in name.as_str().chars() {
            out.push(if start { c.to_ascii_uppercase() } else { c });
            start = c == '-';
        }
        out.push_str(": ");
        out.push_str(&String::from_utf8_lossy(value.as_bytes()));
        out.push_str("\r\n");
    }
}
