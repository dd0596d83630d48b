//! Connections for octocrab: TLS to GitHub, straight or through the tunnel of a proxy.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use tower_service::Service;

use crate::http::policy::AttemptOutcome;
use crate::http::proxy::{ProxyServer, ProxySettings};
use crate::http::tls;

type TcpConnection = <HttpConnector as Service<Uri>>::Response;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens a connection to one server, or a tunnel to it through a proxy.
#[derive(Clone)]
pub(crate) struct ProxyConnector {
    route: ConnectionRoute,
}

#[derive(Clone)]
enum ConnectionRoute {
    Direct(HttpConnector),
    Tunnel { connector: Tunnel<HttpConnector>, variable: &'static str },
}

/// Why a tunnel through a proxy did not come about.
#[derive(Debug)]
pub(crate) struct TunnelFailure {
    what: String,
    outcome: AttemptOutcome,
}

/// Returns what opens connections to `server`, encrypted where its address says so.
///
/// # Errors
///
/// Says why no connection can be encrypted.
pub(crate) fn connector_for(
    server: &Uri,
    proxies: &ProxySettings,
) -> Result<HttpsConnector<ProxyConnector>, String> {
    let mut tcp = HttpConnector::new();
    // Without this it refuses addresses that begin with https.
    tcp.enforce_http(false);
    let route = match proxies.proxy_for(server) {
        None => ConnectionRoute::Direct(tcp),
        Some(proxy) => open_tunnel_through(proxy, tcp),
    };
    let connector = ProxyConnector { route };
    // A server on this machine is asked without encryption, and needs no authority.
    let is_plain = server.scheme_str() == Some("http");
    let authorities = if is_plain { Vec::new() } else { tls::load_authorities()? };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls::build_tls_config(authorities)?);
    let builder = if is_plain { builder.https_or_http() } else { builder.https_only() };
    Ok(builder.enable_http1().wrap_connector(connector))
}

fn open_tunnel_through(proxy: &ProxyServer, tcp: HttpConnector) -> ConnectionRoute {
    let mut connector = Tunnel::new(proxy.uri.clone(), tcp);
    if let Some(authorization) = &proxy.authorization {
        connector = connector.with_auth(authorization.clone());
    }
    ConnectionRoute::Tunnel { connector, variable: proxy.variable }
}

impl Service<Uri> for ProxyConnector {
    type Response = TcpConnection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TcpConnection, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.route {
            ConnectionRoute::Direct(tcp) => tcp.poll_ready(context).map_err(Into::into),
            ConnectionRoute::Tunnel { connector, .. } => connector.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match &mut self.route {
            ConnectionRoute::Direct(tcp) => {
                let connecting = tcp.call(target);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
            ConnectionRoute::Tunnel { connector, variable } => {
                let variable = *variable;
                let tunneling = connector.call(target);
                Box::pin(async move {
                    match tunneling.await {
                        Ok(connection) => Ok(connection),
                        Err(error) => Err(TunnelFailure::new(variable, &error).into()),
                    }
                })
            }
        }
    }
}

impl TunnelFailure {
    /// Returns the failure in our words; the library's own do not say which proxy is meant.
    fn new(variable: &str, error: &dyn std::error::Error) -> TunnelFailure {
        let cause = error.source().map(|source| source.to_string());
        // A proxy that answers, and opens no tunnel, does the same the next time.
        let outcome = if cause.is_some() { AttemptOutcome::NoAnswer } else { AttemptOutcome::Settled };
        TunnelFailure {
            what: describe_proxy_failure(variable, &error.to_string(), cause.as_deref()),
            outcome,
        }
    }

    /// Returns whether another attempt may end otherwise.
    pub(crate) fn outcome(&self) -> AttemptOutcome {
        self.outcome
    }
}

/// Returns why a proxy did not open a tunnel; `told` is what the library says about it.
pub(crate) fn describe_proxy_failure(variable: &str, told: &str, cause: Option<&str>) -> String {
    // Neither library gives the status as a value.
    if told.contains("authorization required") || told.contains("responded 407") {
        return format!("the proxy in {variable} asks for a valid user name and password (407)");
    }
    if let Some(cause) = cause {
        return format!("the proxy in {variable} cannot be reached ({cause})");
    }
    format!("the proxy in {variable} did not open a connection")
}

impl fmt::Display for TunnelFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for TunnelFailure {}
