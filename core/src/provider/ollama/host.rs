//! `OLLAMA_HOST`, as Ollama itself reads it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where Ollama listens unless told otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "http://127.0.0.1:11434";

/// The base URL that `host` names: a host, `host:port`, `:port` or a URL, with a path below or without. None for a port
/// that is no port, and for what is no host. An address to listen on at every interface becomes this machine's.
pub(crate) fn address(host: &str) -> Option<String> {
    let host = host.trim();
    let (scheme, rest, default) = match host.split_once("://") {
        Some(("http", rest)) => ("http", rest, "80"),
        Some(("https", rest)) => ("https", rest, "443"),
        Some(_) => return None,
        None if host == "ollama.com" => ("https", host, "443"),
        None => ("http", host, "11434"),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (name, port) = split(authority);
    let name = match name {
        "" => Ipv4Addr::LOCALHOST.to_string(),
        name => match name.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            Ok(IpAddr::V6(address)) if address.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Err(_) if name.contains([':', '@']) => return None,
            _ => name.to_owned(),
        },
    };
    let port = port.unwrap_or(default).parse::<u16>().ok()?;
    let path = path.trim_end_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    Some(format!("{scheme}://{name}:{port}{slash}{path}"))
}

/// Host and port; an IPv6 address loses its brackets, and has a port only with them.
fn split(authority: &str) -> (&str, Option<&str>) {
    if let Some(inner) = authority.strip_prefix('[') {
        let (name, after) = inner.split_once(']').unwrap_or((inner, ""));
        return (name, after.strip_prefix(':'));
    }
    match authority.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn it_is_read_as_ollama_reads_it() {
        for (host, expected) in [
            ("", "http://127.0.0.1:11434"),
            ("1.2.3.4", "http://1.2.3.4:11434"),
            (" 1.2.3.4:56789 ", "http://1.2.3.4:56789"),
            (":56789", "http://127.0.0.1:56789"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("http://1.2.3.4", "http://1.2.3.4:80"),
            ("https://1.2.3.4", "https://1.2.3.4:443"),
            ("https://1.2.3.4:56789", "https://1.2.3.4:56789"),
            ("example.com", "http://example.com:11434"),
            ("example.com/", "http://example.com:11434"),
            ("example.com:56789/path/", "http://example.com:56789/path"),
            ("example.com/path", "http://example.com:11434/path"),
            ("https://example.com:56789/a/b", "https://example.com:56789/a/b"),
            ("ollama.com", "https://ollama.com:443"),
            ("::1", "http://[::1]:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::]:80", "http://[::1]:80"),
            ("http://[2001:db8::1]", "http://[2001:db8::1]:80"),
            ("[2001:db8::1]:56789/path", "http://[2001:db8::1]:56789/path"),
        ] {
            assert_eq!(address(host).as_deref(), Some(expected), "{host:?}");
        }
        for host in
            ["ftp://x", "x:port", "x:65536", "x:-1", "[::1]:x", "x:", "x:1:2", "user@x", "user:word@x:1"]
        {
            assert_eq!(address(host), None, "{host:?}");
        }
    }
}
