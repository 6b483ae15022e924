//! What the demo runs on: simulated providers, a gateway on a temporary store, and who calls it.

use std::net::SocketAddr;
use std::sync::Arc;

use lockgate::Gateway;
use lockgate::auth::{CustomerLimits, NewKey, OnLimit, ProjectSettings};
use lockgate::cache::semantic::SemanticMode;
use lockgate::clock::SystemClock;
use lockgate::config::Layers;
use lockgate::ids::CustomerId;
use lockgate::limits::Rates;
use lockgate::money::Nano;
use lockgate_sim::{Options, Provider, Sim};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::scene::{CHEAP_MODEL, Caller, MODEL, STAND_IN};
use crate::failure::Failure;
use crate::serve::{CLOSING, Server};

/// A cap below what one request to [`MODEL`] may cost, and above what one to [`CHEAP_MODEL`] may.
const SMALL_CAP: Nano = Nano::from_nano(500_000);
/// A cap that the story does not come near.
const FAR_CAP: Nano = Nano::from_nano(20_000_000_000);
/// The customer that is refused.
const BLOCKED: &str = "globex";
/// The customer that gets the cheaper model.
const DOWNGRADED: &str = "initech";

/// The running demo.
pub(super) struct World {
    pub(super) gateway: Gateway,
    pub(super) address: SocketAddr,
    pub(super) sim: Sim,
    folder: TempDir,
    keys: Keys,
}

/// The keys in clear.
struct Keys {
    visitor: String,
    metered: String,
    slow: String,
    poor: String,
}

impl World {
    /// Starts all of it. The server still has to be run.
    pub(super) async fn start(listen: &str) -> Result<(World, Server), Failure> {
        let address: SocketAddr = listen.parse().map_err(|_| {
            Failure::usage(format!("--listen {listen}: must be an address and port, as 127.0.0.1:0"))
        })?;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::other(format!("--listen {listen}: {error}; name a free address, or port 0"))
        })?;
        let address = listener.local_addr()?;
        let folder = tempfile::Builder::new().prefix("lockgate-demo-").tempdir()?;
        let sim = Sim::start(Options::default()).await?;
        // Neither file nor environment: the demo is the same everywhere, and no real key can take part.
        // The embedding model is the one thing that may be there or not.
        let model = std::env::var("LOCKGATE_MODEL_DIR").ok().filter(|folder| !folder.is_empty());
        let layers = model.map_or_else(Layers::new, |folder| Layers::new().set("model_dir", folder));
        let config = layers
            .set("store", format!("sqlite://{}", folder.path().join("demo.db").display()))
            .set("listen", listen)
            .set("auth", "required")
            .set("providers.openai.base_url", sim.openai_base_url())
            .set("providers.openai.api_key", "sk-simulated")
            .set("providers.anthropic.base_url", sim.base_url(Provider::Anthropic))
            .set("providers.anthropic.api_key", "sk-ant-simulated")
            .toml(&format!("[routing.chains]\n\"{MODEL}\" = [\"{STAND_IN}\"]\n"), "the demo")?
            .read()?;
        let gateway = Gateway::start(config, Arc::new(SystemClock)).await?;
        let keys = cast(&gateway).await?;
        let server = Server::new(listener, gateway.clone());
        Ok((World { gateway, address, sim, folder, keys }, server))
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The key of a caller, and the customer it calls for.
    pub(super) fn credentials(&self, caller: Caller) -> (&str, Option<&'static str>) {
        match caller {
            Caller::Visitor => (&self.keys.visitor, None),
            Caller::Metered => (&self.keys.metered, None),
            Caller::Slow => (&self.keys.slow, None),
            Caller::Poor => (&self.keys.poor, None),
            Caller::Blocked => (&self.keys.visitor, Some(BLOCKED)),
            Caller::Downgraded => (&self.keys.visitor, Some(DOWNGRADED)),
        }
    }

    /// Ends all of it and removes the files.
    pub(super) async fn end(self) -> Result<(), Failure> {
        self.gateway.close(CLOSING).await;
        self.sim.shutdown().await;
        self.folder.close()?;
        Ok(())
    }
}

/// Makes the projects, keys and customers of the story.
async fn cast(gateway: &Gateway) -> Result<Keys, Failure> {
    let admin = gateway.admin();
    let mut settings = ProjectSettings::default();
    settings.downgrade.insert(MODEL.to_owned(), CHEAP_MODEL.to_owned());
    if gateway.embedder().is_some() {
        settings.semantic.mode = SemanticMode::On;
    }
    admin.create_project("demo", settings).await?;
    let capped = ProjectSettings { monthly_cap: Some(SMALL_CAP), ..ProjectSettings::default() };
    admin.create_project("capped", capped).await?;
    for (customer, on_limit) in [(BLOCKED, OnLimit::Block), (DOWNGRADED, OnLimit::Downgrade)] {
        let id = CustomerId::new(customer).map_err(|error| Failure::other(error.to_string()))?;
        let limits = CustomerLimits { daily_cap: Some(SMALL_CAP), on_limit, ..CustomerLimits::default() };
        admin.set_customer("demo", &id, limits).await?;
    }
    let key = async |project: &str, new: NewKey| -> Result<String, Failure> {
        Ok(admin.create_key(project, new).await?.1.expose().to_owned())
    };
    let named = |name: &str, requests_per_minute: Option<u32>| {
        let rates = Rates { requests_per_minute, ..Rates::default() };
        NewKey { name: name.to_owned(), rates, ..NewKey::default() }
    };
    let metered = NewKey { monthly_cap: Some(FAR_CAP), ..named("metered", Some(60)) };
    Ok(Keys {
        visitor: key("demo", named("visitor", None)).await?,
        metered: key("demo", metered).await?,
        slow: key("demo", named("one request a minute", Some(1))).await?,
        poor: key("capped", named("small project", None)).await?,
    })
}
