//! What an administrator would call a failure: the word in the error log, in `$upstream_error` and on pages, and the
//! error type of RFC 9209 for `Proxy-Status`.

macro_rules! kinds {
    ($($(#[$m:meta])* $variant:ident, $name:literal, $type:literal;)*) => {
        /// The kinds of failures.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$m])* $variant,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &[Kind] = &[$(Kind::$variant,)*];

            /// The word for it.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$variant => $name,)* }
            }

            /// The error type (RFC 9209 section 2.3); empty for an answer that came.
            pub fn error_type(self) -> &'static str {
                match self { $(Kind::$variant => $type,)* }
            }
        }
    };
}

kinds! {
    /// Every server of the group is left out.
    NoLiveUpstreams, "no_live_upstreams", "destination_unavailable";
    /// Those that are not left out have `max_conns` connections.
    MaxConns, "max_conns_reached", "connection_limit_reached";
    /// Nothing listens there.
    Refused, "connection_refused", "connection_refused";
    /// There is no such unix socket.
    NoUnixSocket, "socket_not_found", "destination_unavailable";
    /// The unix socket may not be used by this user.
    UnixSocketForbidden, "socket_permission_denied", "proxy_configuration_error";
    /// So many connections wait at the unix socket that no other may.
    QueueFull, "socket_queue_full", "connection_limit_reached";
    /// No route to the host.
    HostUnreachable, "host_unreachable", "destination_ip_unroutable";
    /// No route to its network.
    NetworkUnreachable, "network_unreachable", "destination_ip_unroutable";
    /// The connection could not be made for another reason.
    NotConnected, "connect_failed", "destination_unavailable";
    /// The connection was not made in time.
    ConnectTimeout, "connect_timeout", "connection_timeout";
    /// The name of the server is not known.
    NotResolved, "name_not_resolved", "dns_error";
    /// No name server said in time what it means.
    ResolveTimeout, "resolve_timeout", "dns_timeout";
    /// There is a name and no `resolver`.
    NoResolver, "no_resolver", "proxy_configuration_error";
    /// The server speaks TLS, and was asked without.
    TlsExpected, "tls_expected", "http_protocol_error";
    /// The server does not speak TLS, and was asked with it.
    TlsToPlain, "tls_to_plain_port", "tls_protocol_error";
    /// The server refused the handshake with an alert.
    TlsAlert, "tls_alert", "tls_alert_received";
    /// The two could not agree on TLS.
    TlsFailed, "tls_failed", "tls_protocol_error";
    /// The connection closed within the handshake.
    TlsClosed, "tls_handshake_closed", "connection_terminated";
    /// The handshake took too long.
    TlsTimeout, "tls_handshake_timeout", "connection_timeout";
    /// What we need for TLS is not there.
    TlsSetup, "tls_setup_failed", "proxy_configuration_error";
    /// The server's certificate is not to be trusted.
    CertificateRefused, "certificate_refused", "tls_certificate_error";
    /// The server's certificate is for another name.
    CertificateName, "certificate_name_mismatch", "tls_certificate_error";
    /// The server speaks HTTP/2 only.
    Http2Only, "http2_only", "http_protocol_error";
    /// The answer does not begin as HTTP does.
    NotHttp, "not_http", "http_protocol_error";
    /// What was asked by FastCGI, uwsgi or SCGI answers in HTTP.
    SpeaksHttp, "speaks_http", "http_protocol_error";
    /// The answer does not begin as FastCGI does.
    NotFastcgi, "not_fastcgi", "http_protocol_error";
    /// The connection closed before the head of the answer was complete.
    ClosedBeforeAnswer, "closed_before_answer", "connection_terminated";
    /// The same on a connection that was kept from another request.
    ClosedWhileIdle, "closed_while_idle", "connection_terminated";
    /// The connection was reset.
    Reset, "connection_reset", "connection_terminated";
    /// The head is larger than the buffer.
    HeaderTooBig, "header_too_large", "http_response_header_section_size";
    /// The head cannot be understood or contradicts itself.
    BadHead, "invalid_header", "http_protocol_error";
    /// The body breaks its framing.
    BadBody, "invalid_body", "http_response_transfer_coding";
    /// 101, and nobody had asked for it.
    UnaskedUpgrade, "unasked_upgrade", "http_upgrade_failed";
    /// The answer ended before its end.
    CutShort, "answer_cut_short", "http_response_incomplete";
    /// Nothing came for the time that is set.
    ReadTimeout, "read_timeout", "connection_read_timeout";
    /// Nothing was taken for the time that is set.
    SendTimeout, "send_timeout", "connection_write_timeout";
    /// No descriptor is left.
    Descriptors, "out_of_descriptors", "proxy_internal_error";
    /// `worker_connections` are used up.
    WorkerConnections, "out_of_connections", "proxy_internal_error";
    /// No local port is left.
    Ports, "out_of_ports", "proxy_internal_error";
    /// No memory is left in the kernel.
    Memory, "out_of_memory", "proxy_internal_error";
    /// The local address cannot be used.
    Bind, "bind_failed", "proxy_configuration_error";
    /// Anything else on this machine.
    Local, "local_error", "proxy_internal_error";
    /// PHP finds no script under the name that it was told.
    ScriptNotFound, "script_not_found", "destination_not_found";
    /// The application wrote to its error output.
    Stderr, "application_stderr", "";
    /// An answer came, with a status for which another server is asked.
    Status, "upstream_status", "";
}
