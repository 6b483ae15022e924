//! `lockgate model pull`, from a source on this machine.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as Asked, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::house::SOON;

const MODEL: (&str, u64) = ("model.safetensors", 90_868_376);
const VOCABULARY: (&str, u64) = ("vocab.txt", 231_508);

/// A source of files. What it does is named by the first part of a path.
struct Mirror {
    address: std::net::SocketAddr,
    asked: watch::Sender<Vec<String>>,
    files: Option<PathBuf>,
}

impl Mirror {
    /// With the true files, where a folder with them is given.
    async fn new(files: Option<PathBuf>) -> Arc<Mirror> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mirror = Arc::new(Mirror { address, asked: watch::Sender::new(Vec::new()), files });
        let router = Router::new().route("/{manner}/{*name}", get(serve)).with_state(mirror.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        mirror
    }

    fn url(&self, manner: &str) -> String {
        format!("http://{}/{manner}", self.address)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

/// As many bytes as the file has, and others.
fn false_file(name: &str) -> Vec<u8> {
    let size = if name == MODEL.0 { MODEL.1 } else { VOCABULARY.1 };
    vec![b'x'; usize::try_from(size).unwrap()]
}

async fn serve(
    State(mirror): State<Arc<Mirror>>,
    Asked((manner, name)): Asked<(String, String)>,
    headers: HeaderMap,
) -> Response {
    mirror.asked.send_modify(|asked| asked.push(format!("{manner}/{name}")));
    let named = || name.rsplit('/').next().unwrap();
    match manner.as_str() {
        "true" => std::fs::read(mirror.files.as_ref().unwrap().join(named())).unwrap().into_response(),
        "moved" => {
            (StatusCode::FOUND, [(header::LOCATION, format!("/true/signed/{name}?secret=1"))]).into_response()
        }
        "round" => (StatusCode::FOUND, [(header::LOCATION, format!("/round/{name}"))]).into_response(),
        "false" => false_file(named()).into_response(),
        // One byte more, and the length says so.
        "larger" => [false_file(named()), vec![b'x']].concat().into_response(),
        // The same, and nothing says so.
        "endless" => {
            let chunk = Bytes::from(vec![b'x'; 1 << 20]);
            let chunks = futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(chunk));
            Body::from_stream(chunks).into_response()
        }
        "short" => false_file(named())[..1000].to_vec().into_response(),
        // More than is sent at once, so that some of it comes.
        "cut" => {
            let chunk = Bytes::from(vec![b'x'; 1 << 16]);
            let chunks = std::iter::repeat_n(chunk, 100).map(Ok);
            let cut = std::iter::once_with(|| Err(std::io::Error::other("cut")));
            Body::from_stream(futures_util::stream::iter(chunks.chain(cut))).into_response()
        }
        // Begins, and does not go on.
        "slow" => {
            let first =
                futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1000]))]);
            Body::from_stream(first.chain(futures_util::stream::pending())).into_response()
        }
        "closed" => StatusCode::FORBIDDEN.into_response(),
        "keyed" if headers.get(header::AUTHORIZATION).is_none() => StatusCode::UNAUTHORIZED.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["model", "pull"]).args(arguments);
    alone(&mut command, home);
    command
}

/// In a home of its own, with nothing else in its environment.
fn alone(command: &mut Command, home: &Path) {
    command
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
}

async fn ended(mut command: Command) -> Output {
    timeout(SOON, command.output()).await.expect("the command ends").unwrap()
}

/// The line that says why, of a pull that must fail.
fn failure(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(output.stdout.is_empty(), "{output:?}");
    error.lines().last().unwrap().strip_prefix("lockgate: ").unwrap().to_owned()
}

/// Everything in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_model_is_not_kept() {
    let mirror = Mirror::new(None).await;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("models");
    let to = folder.display().to_string();
    let found: String =
        Sha256::digest(false_file(MODEL.0)).iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
    for (manner, parts) in [
        ("false", &["model.safetensors", "SHA-256", &found, expected, "nothing was kept"][..]),
        ("larger", &["model.safetensors", "larger than its 90868376 bytes"]),
        ("endless", &["model.safetensors", "larger than its 90868376 bytes"]),
        ("short", &["model.safetensors", "1000 of 90868376 bytes"]),
        ("cut", &["/cut/model.safetensors", "broke off", "of 90868376 bytes"]),
        ("nothing", &["/nothing/model.safetensors", "404", "--from"]),
        ("closed", &["/closed/model.safetensors", "403", "--from"]),
        ("keyed", &["/keyed/model.safetensors", "401", "--from"]),
        ("round", &["/round/model.safetensors", "redirect", "--from"]),
    ] {
        let output = ended(command(home.path(), &["--from", &mirror.url(manner), "--to", &to])).await;
        let error = failure(&output);
        for part in parts {
            assert!(error.contains(part), "{manner}: {part:?} is not in {error}");
        }
        assert_eq!(names(&folder), [""; 0], "{manner}");
    }
    // No second file is asked for after a first that failed.
    assert!(mirror.asked().iter().all(|asked| asked.ends_with(MODEL.0)), "{:?}", mirror.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_the_source_is_used_and_not_shown() {
    let mirror = Mirror::new(None).await;
    let home = tempfile::tempdir().unwrap();
    let url = mirror.url("keyed").replace("http://", "http://me:secret@") + "?token=secret";
    let output = ended(command(home.path(), &["--from", &url])).await;
    // Not 401.
    assert!(failure(&output).contains("404"));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/models", listener.local_addr().unwrap());
    drop(listener);
    let home = tempfile::tempdir().unwrap();
    let error = failure(&ended(command(home.path(), &["--from", &url])).await);
    assert!(
        error.contains(&url) && error.contains("cannot be reached") && error.contains("refused"),
        "{error}"
    );
    for from in ["ftp://127.0.0.1/models", "models", "mailto:me"] {
        let output = ended(command(home.path(), &["--from", from])).await;
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(
            error.contains("--from") && error.contains(from) && error.contains("http or https"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_named() {
    let mirror = Mirror::new(None).await;
    let home = tempfile::tempdir().unwrap();
    // As on a full disk, a write fails in the middle of the file.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_lockgate")]);
    command.args(["model", "pull", "--to", "models", "--from", &mirror.url("false")]);
    alone(&mut command, home.path());
    let error = failure(&ended(command).await);
    let folder = home.path().join("models");
    let named = folder.canonicalize().unwrap().display().to_string();
    assert!(error.contains(&named) && error.contains("no room for the 90868376 bytes"), "{error}");
    assert_eq!(names(&folder), [""; 0]);

    std::fs::write(home.path().join("file"), "").unwrap();
    let error = failure(&ended(self::command(home.path(), &["--to", "file/models"])).await);
    assert!(error.contains("file/models"), "{error}");
    std::fs::create_dir(folder.join(MODEL.0)).unwrap();
    let error = failure(&ended(self::command(home.path(), &["--to", "models"])).await);
    assert!(error.contains("models/model.safetensors is there, and is no file"), "{error}");
}

/// A pull in whose middle nothing more comes.
async fn begun(mirror: &Mirror, home: &Path) -> Child {
    let mut child = command(home, &["--from", &mirror.url("slow"), "--to", "models"]).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("0 of 90868376 bytes (0 %)") {
        line.clear();
        let read = timeout(SOON, said.read_line(&mut line)).await.expect("a line comes").unwrap();
        assert!(read > 0, "the command ended");
    }
    child.stderr = Some(said.into_inner());
    child
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap(), signal).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_pull_leaves_nothing() {
    let mirror = Mirror::new(None).await;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("models");
    for (how, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let child = begun(&mirror, home.path()).await;
        // Nobody else may write meanwhile.
        let second = ended(command(home.path(), &["--from", &mirror.url("slow"), "--to", "models"])).await;
        assert!(failure(&second).contains("another `lockgate model pull`"), "{second:?}");
        assert_eq!(names(&folder), [".model.safetensors.part"]);
        signal(&child, how);
        let output = timeout(SOON, child.wait_with_output()).await.expect("it ends").unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("lockgate: interrupted"), "{output:?}");
        assert_eq!(names(&folder), [""; 0]);
    }
    // A killed one can remove nothing; the next starts anew.
    let mut child = begun(&mirror, home.path()).await;
    signal(&child, Signal::KILL);
    timeout(SOON, child.wait()).await.expect("it ends").unwrap();
    assert_eq!(names(&folder), [".model.safetensors.part"]);
    let output = ended(command(home.path(), &["--from", &mirror.url("false"), "--to", "models"])).await;
    assert!(failure(&output).contains("SHA-256"));
    assert_eq!(names(&folder), [""; 0]);
}

/// With the model's true files.
#[cfg(feature = "test-model")]
mod whole {
    use serde_json::Value;

    use super::*;
    use crate::house::{House, model};

    /// Exit code 0; what it printed, and what it said.
    fn success(output: &Output) -> (String, String) {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), said)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_model_is_fetched_once_and_found() {
        let mirror = Mirror::new(Some(model().into())).await;
        let house = House::new().await;
        let home = house.path();
        house.text(&["project", "set", "default", "--semantic", "on"]).await;
        let check = async || {
            let output = house.command(&["check", "--json"]).env("HOME", home).output().await.unwrap();
            serde_json::from_str::<Value>(&success(&output).0).unwrap()
        };
        let before = check().await;
        assert!(before["warnings"].to_string().contains("`lockgate model pull`"), "{before}");
        assert_eq!(before["semantic"], "off: the embedding model is not there");

        let output = ended(command(home, &["--from", &mirror.url("moved"), "--json"])).await;
        let (printed, said) = success(&output);
        let printed: Value = serde_json::from_str(&printed).unwrap();
        let folder = home.join(".cache/lockgate/all-MiniLM-L6-v2");
        assert_eq!(printed["folder"], folder.display().to_string());
        for (at, (name, bytes)) in [MODEL, VOCABULARY].into_iter().enumerate() {
            let file = &printed["files"][at];
            assert_eq!(
                (&file["name"], &file["bytes"], &file["fetched"]),
                (&name.into(), &bytes.into(), &true.into())
            );
            let same = std::fs::read(folder.join(name)).unwrap()
                == std::fs::read(Path::new(&model()).join(name)).unwrap();
            assert!(same, "{name} is another file");
            assert!(said.contains(&format!("{name}: {bytes} of {bytes} bytes (100 %)")), "{said}");
        }
        // A line at the beginning, and for each tenth.
        let lines =
            said.lines().filter(|line| line.starts_with("model.safetensors: ") && line.ends_with("%)"));
        assert_eq!(lines.count(), 11, "{said}");
        assert!(!said.contains("secret"), "{said}");
        assert_eq!(names(&folder), [MODEL.0, VOCABULARY.0]);
        assert_eq!(mirror.asked().len(), 4, "{:?}", mirror.asked());

        assert_eq!(check().await["semantic"], "on, with all-MiniLM-L6-v2");
        let home_variable = home.display().to_string();
        let server = house.serve_with(&[], &[("HOME", &home_variable)]).await;
        assert_eq!(server.said["semantic"], "on, with all-MiniLM-L6-v2");
        server.end().await;

        // All is there.
        let (printed, said) = success(&ended(command(home, &["--from", &mirror.url("true")])).await);
        assert!(printed.contains(&folder.display().to_string()), "{printed}");
        assert_eq!(said.matches("there already").count(), 2, "{said}");
        assert_eq!(mirror.asked().len(), 4, "{:?}", mirror.asked());

        // A file of the right size and other bytes is fetched anew, and that alone.
        std::fs::write(folder.join(VOCABULARY.0), false_file(VOCABULARY.0)).unwrap();
        let output = ended(command(home, &["--from", &mirror.url("true/"), "--json"])).await;
        let (printed, said) = success(&output);
        let printed: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(
            (&printed["files"][0]["fetched"], &printed["files"][1]["fetched"]),
            (&false.into(), &true.into())
        );
        assert!(said.contains("vocab.txt: another file of this name is replaced"), "{said}");
        assert_eq!(mirror.asked()[4..], ["true/vocab.txt"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_folder_is_the_one_that_is_named() {
        let mirror = Mirror::new(Some(model().into())).await;
        let home = tempfile::tempdir().unwrap();
        let from = mirror.url("true");
        let mut set = command(home.path(), &["--from", &from]);
        set.env("LOCKGATE_MODEL_DIR", home.path().join("set"));
        let (printed, _) = success(&ended(set).await);
        assert!(!printed.contains("LOCKGATE_MODEL_DIR"), "{printed}");
        assert_eq!(names(&home.path().join("set")), [MODEL.0, VOCABULARY.0]);
        assert!(!home.path().join(".cache").exists());
        // What a gateway would not find by itself is told.
        let (printed, _) = success(&ended(command(home.path(), &["--from", &from, "--to", "named"])).await);
        let named = format!("LOCKGATE_MODEL_DIR={}", home.path().join("named").display());
        assert!(printed.contains(&named), "{printed}");
    }
}
