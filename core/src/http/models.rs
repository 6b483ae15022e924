//! `GET /v1/models` and `GET /v1/models/{model}`.

use http::Response;

use super::{Body, body, headers};
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::route::is_name_of;
use crate::types::Model;

pub(super) async fn list(gateway: &Gateway, call: headers::Call) -> Result<Response<Body>> {
    let allowed = allowed(gateway, call).await?;
    gateway.discover().await;
    let mut list = gateway.models();
    list.data.retain(|model| allowed(&model.id));
    json(&list)
}

pub(super) async fn one(gateway: &Gateway, call: headers::Call, name: &str) -> Result<Response<Body>> {
    // A slash in a name may arrive written as %2F.
    let name = name.replace("%2F", "/").replace("%2f", "/");
    let allowed = allowed(gateway, call).await?;
    let find = || -> Option<Model> {
        let mut models = gateway.models().data.into_iter();
        models.find(|model| is_name_of(&name, &model.id)).filter(|model| allowed(&model.id))
    };
    let mut found = find();
    if found.is_none() {
        gateway.discover().await;
        found = find();
    }
    match found {
        Some(model) => json(&model),
        None => Err(Error::new(Kind::ModelNotFound, format!("The model {name:?} does not exist."))
            .with(|details| details.param = Some("model".to_owned()))),
    }
}

/// Listing needs the same key as asking, and shows what that key may ask for.
async fn allowed(gateway: &Gateway, call: headers::Call) -> Result<impl Fn(&str) -> bool> {
    let core = gateway.core();
    let caller = core.identities.identify(&call.credentials(), core.clock.now()).await?;
    Ok(move |model: &str| caller.may_use(model))
}

fn json(value: &impl serde::Serialize) -> Result<Response<Body>> {
    let text =
        serde_json::to_vec(value).map_err(|source| Error::internal("a list cannot be written", source))?;
    Ok(body::json(200, text))
}
