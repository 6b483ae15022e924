//! The address of a store. It may hold a password, which it never shows.

use std::fmt;

use serde::Deserialize;

/// Parameters of an address that hold no secret and may be shown.
const SHOWN: &[&str] = &[
    "application_name",
    "db",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "protocol",
    "sslcert",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Where a store is: a URL, or one word. `Debug` and `Display` show it without its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> StoreUrl {
        StoreUrl(text.into())
    }

    /// All of it. Call it only to open the store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What stands before the first colon, in lower case; all of it where there is none.
    #[must_use]
    pub fn scheme(&self) -> String {
        self.0.split(':').next().unwrap_or_default().to_ascii_lowercase()
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&without_password(&self.0), f)
    }
}

/// `text` with `***` in place of what may be a password. What cannot be told apart is left out whole.
pub(super) fn without_password(text: &str) -> String {
    // A path, which may hold any sign.
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let doubtful = text.contains('@') || text.to_ascii_lowercase().contains("pass");
        return if doubtful { "***".to_owned() } else { text.to_owned() };
    };
    let (user, place) = match rest.rsplit_once('@') {
        // A password that was not escaped, or a parameter with an @: nobody knows which.
        Some((user, _)) if user.contains(['/', '?', '#', '@']) => return format!("{scheme}://***"),
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    let mut shown = format!("{scheme}://");
    if let Some(user) = user {
        match user.split_once(':') {
            Some((name, _)) => shown.extend([name, ":***@"]),
            None => shown.extend([user, "@"]),
        }
    }
    match place.split_once('?') {
        None => shown.push_str(place),
        Some((place, parameters)) => {
            shown.push_str(place);
            for (index, parameter) in parameters.split('&').enumerate() {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                let value = if SHOWN.contains(&name) { value } else { "***" };
                shown.push(if index == 0 { '?' } else { '&' });
                shown.extend([name, "=", value]);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (text, shown) in [
            ("memory", "memory"),
            ("sqlite://data/me@home.db", "sqlite://data/me@home.db"),
            ("mysql://x", "mysql://x"),
            ("postgres://db.example/lockgate", "postgres://db.example/lockgate"),
            ("postgres://app@db/lockgate", "postgres://app@db/lockgate"),
            ("postgres://app:hunter2@db:5432/lockgate", "postgres://app:***@db:5432/lockgate"),
            ("postgres://app:hunter2@db/l?sslmode=require", "postgres://app:***@db/l?sslmode=require"),
            ("postgres://db/l?password=hunter2&user=app", "postgres://db/l?password=***&user=app"),
            ("postgres://db/l?sslpassword=hunter2", "postgres://db/l?sslpassword=***"),
            // Not escaped as they should be.
            ("postgres://app:hunter2/x@db/l", "postgres://***"),
            ("postgres://app:hunter2?@db/l", "postgres://***"),
            ("postgres://app:hunter2@@db/l", "postgres://***"),
            ("postgres://app@db/l?password=hunter2@", "postgres://***"),
            ("rediss://:hunter2@cache:6380", "rediss://:***@cache:6380"),
            ("postgres:app:hunter2@db", "***"),
            ("host=db password=hunter2", "***"),
        ] {
            let url = StoreUrl::new(text);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("hunter2"), "{url:?}");
        }
    }
}
