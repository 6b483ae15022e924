//! Where the model comes from.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use lockgate_embed::ModelFile;
use reqwest::{Client, StatusCode, Url};

use super::part::{Part, too_large};
use super::progress::{Progress, say};
use crate::failure::Failure;

/// The model as its publisher has it, at the revision whose sums are known.
pub(super) const PUBLISHER: &str = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/\
                                    1110a243fdf4706b3f48f1d95db1a4f5529b4d41";
const CONNECTING: Duration = Duration::from_secs(15);
/// A source that sends nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);

/// A place that has the model's files.
pub(super) struct Source {
    base: Url,
    client: Client,
}

impl Source {
    pub(super) fn new(from: &str) -> Result<Source, Failure> {
        let allowed = "must be the http or https address of a folder that has the model's files";
        let base = Url::parse(from)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && !url.cannot_be_a_base())
            .ok_or_else(|| Failure::usage(format!("--from {from}: {allowed}")))?;
        // One is installed already where the process has a gateway.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECTING)
            .read_timeout(SILENCE)
            .user_agent(concat!("lockgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::other(format!("the HTTP client cannot be built: {}", why(error))))?;
        Ok(Source { base, client })
    }

    fn address(&self, file: &ModelFile) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(file.name);
        }
        url
    }

    /// Puts the file into `folder`: all of it, or nothing.
    pub(super) async fn fetch(&self, file: &ModelFile, folder: &Path) -> Result<(), Failure> {
        let url = self.address(file);
        let shown = shown(&url);
        say(&format!("{}: {} bytes from {shown}", file.name, file.bytes));
        let answer = self.client.get(url).send().await;
        let mut answer = answer.map_err(|error| unreachable(&shown, error))?;
        if answer.status() != StatusCode::OK {
            return Err(refused(&shown, answer.status()));
        }
        if answer.content_length().is_some_and(|length| length > file.bytes) {
            return Err(too_large(file));
        }
        let mut part = Part::new(file, folder)?;
        let mut progress = Progress::new(file);
        loop {
            progress.at(part.bytes());
            match answer.chunk().await {
                Ok(Some(chunk)) => part.push(&chunk)?,
                Ok(None) => break,
                Err(error) => {
                    let (came, all, why) = (part.bytes(), file.bytes, why(error));
                    return Err(Failure::other(format!(
                        "{shown} broke off after {came} of {all} bytes ({why}); nothing was kept"
                    )));
                }
            }
        }
        part.keep()
    }
}

fn unreachable(shown: &str, error: reqwest::Error) -> Failure {
    let what = if error.is_redirect() { "leads nowhere" } else { "cannot be reached" };
    Failure::other(format!("{shown} {what}: {}; --from names another source", why(error)))
}

fn refused(shown: &str, status: StatusCode) -> Failure {
    let hint = if status == StatusCode::NOT_FOUND { "the file is not there; " } else { "" };
    Failure::other(format!("{shown} answered {status}: {hint}--from names another source"))
}

/// The causes, without the address: one that a source redirects to may be signed.
fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

/// An address without what may be secret.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Refused where an address can have neither, and this one can.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use lockgate_embed::FILES;

    use super::*;

    #[test]
    fn names_are_appended_to_the_base() {
        let [model, vocabulary] = FILES;
        for (base, expected) in [
            ("https://mirror.example/all", "https://mirror.example/all/vocab.txt"),
            ("https://mirror.example/all/", "https://mirror.example/all/vocab.txt"),
            ("http://mirror.example", "http://mirror.example/vocab.txt"),
            ("https://mirror.example/all?token=1", "https://mirror.example/all/vocab.txt?token=1"),
        ] {
            assert_eq!(Source::new(base).unwrap().address(&vocabulary).as_str(), expected);
        }
        let publisher = Source::new(PUBLISHER).unwrap().address(&model);
        assert_eq!((publisher.scheme(), publisher.host_str()), ("https", Some("huggingface.co")));
        assert!(publisher.path().ends_with("/model.safetensors"), "{publisher}");
    }

    #[test]
    fn no_secret_of_an_address_is_shown() {
        let url = Url::parse("https://me:secret@mirror.example/a?token=secret#secret").unwrap();
        assert_eq!(shown(&url), "https://mirror.example/a");
    }
}
