//! Where the database is: `postgres://user:password@host:port/database?sslmode=…`.

use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::StoreUrl;
use crate::error::{Error, Result};

const ALLOWED: &str = "allowed: postgres://USER:PASSWORD@HOST:PORT/DATABASE, also with ?sslmode=verify-full";
/// What may stand after the question mark. How a session is set up is ours.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Whether the setting `store` names Postgres.
#[must_use]
pub fn is_postgres(store: &StoreUrl) -> bool {
    matches!(store.scheme().as_str(), "postgres" | "postgresql")
}

/// How to connect to what the setting `store` names. No message shows the password.
pub(super) fn options_of(url: &StoreUrl) -> Result<PgConnectOptions> {
    let text = url.expose();
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(Error::config("store", url, ALLOWED));
    }
    let (_, parameters) = text.split_once('?').unwrap_or_default();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !PARAMETERS.contains(&name) {
            let allowed = format!("a parameter is not taken; allowed after ?: {}", PARAMETERS.join(", "));
            return Err(Error::config("store", url, allowed));
        }
    }
    let options = PgConnectOptions::from_str(text).map_err(|failure| {
        Error::config("store", url, format!("it cannot be read ({failure}); {ALLOWED}")).caused_by(failure)
    })?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("lockgate"),
    };
    // Statements are ours and always the same; their logging would only cost.
    Ok(options.disable_statement_logging())
}

/// What a careful operator would want to know about the way to the database.
pub(super) fn doubt(options: &PgConnectOptions) -> Option<String> {
    let host = options.get_host().trim_matches(['[', ']']);
    let here = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let checked = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    (!here && !checked).then(|| {
        format!(
            "the way to Postgres at {host} is not checked (sslmode); add ?sslmode=verify-full where the network is not \
             trusted"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Result<PgConnectOptions> {
        options_of(&StoreUrl::new(text))
    }

    #[test]
    fn what_stands_in_the_address_counts() {
        let found = options("postgresql://app:hunter2@db.example:5433/gate?sslmode=verify-full").unwrap();
        assert_eq!((found.get_host(), found.get_port()), ("db.example", 5433));
        assert_eq!((found.get_username(), found.get_database()), ("app", Some("gate")));
        assert!(doubt(&found).is_none());
        assert!(doubt(&options("postgres://db.example/gate").unwrap()).unwrap().contains("db.example"));
        for here in
            ["postgres://127.0.0.1/gate", "postgres:///gate?host=/run/postgresql", "postgres://[::1]/g"]
        {
            assert_eq!(doubt(&options(here).unwrap()), None, "{here}");
        }
    }

    #[test]
    fn refusals_name_the_setting_and_what_is_allowed_and_no_password() {
        for text in [
            "postgres:app:hunter2@db",
            "postgres://app:hunter2@db:99999999/gate",
            "postgres://app:hunter2@db/gate?sslmode=perhaps",
            "postgres://app:hunter2@db/gate?options=-csearch_path%3Dpublic",
        ] {
            let error = options(text).unwrap_err();
            assert_eq!(error.code(), "config_error");
            assert!(error.message().contains("store") && error.message().contains("allowed"), "{error:?}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
