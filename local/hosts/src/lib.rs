#![doc = include_str!("../README.md")]

use axum::{
    extract::Request,
    http::{StatusCode, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Passes requests on that call this machine by an address or by one of its own names. A web page on a name of its own that now leads to
/// this machine (DNS rebinding) gets 421 (RFC 9110, 15.5.20), so that it cannot read secrets and tables with the browser's help.
pub async fn local_names_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok());
    if host.is_some_and(is_local) {
        next.run(request).await
    } else {
        let why = "This service answers to localhost and to addresses only.\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    }
}

/// Returns whether nobody else can have made a name lead here: addresses are no names, `localhost` is reserved (RFC 6761, 6.3), and the other
/// is what containers call their host.
fn is_local(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host().to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok()
        || host == "localhost"
        || host.ends_with(".localhost")
        || host == "host.docker.internal"
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn names_that_others_can_own_are_not_local() {
        for host in [
            "localhost",
            "LOCALHOST:3002",
            "kyc.localhost:1",
            "127.0.0.1:3003",
            "[::1]:3003",
            "192.168.1.7",
            "host.docker.internal:3002",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io:3003",
            "localhost@evil.example",
            "",
            "a b",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
