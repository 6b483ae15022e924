//! What the models differ in: thinking, effort, sampling.

use crate::anthropic::error::{ApiError, invalid};
use crate::anthropic::models::{Model, Thinks};
use crate::anthropic::params::Params;

/// Least tokens of a thinking budget.
const LEAST_BUDGET: u64 = 1024;

/// How the model thinks about a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Thinking {
    pub(crate) tokens: u64,
    /// Whether its text is told.
    pub(crate) shown: bool,
    /// Whether it is on, though a model may still not think.
    on: bool,
}

/// `output_config.effort`.
pub(crate) fn effort<'a>(config: Option<Params<'a, '_>>, model: &Model) -> Result<Option<&'a str>, ApiError> {
    let Some(effort) = config.and_then(|config| config.get("effort").map(|_| config)) else {
        return Ok(None);
    };
    if model.efforts.is_empty() {
        return Err(invalid("This model does not support the effort parameter."));
    }
    effort.choice("effort", model.efforts)
}

/// `thinking`. `forced` is whether a tool must be called, `wanted` whether the prompt asks to think.
pub(crate) fn thinking(
    params: &Params<'_, '_>,
    model: &Model,
    effort: Option<&str>,
    forced: bool,
    wanted: bool,
    max_tokens: u64,
) -> Result<Thinking, ApiError> {
    let by_default = matches!(model.thinks, Thinks::ByDefault(_));
    let shown_by_default = matches!(model.thinks, Thinks::Budget | Thinks::Either);
    let tokens = match effort.unwrap_or("high") {
        "low" => 64,
        "medium" => 128,
        "high" => 256,
        "xhigh" => 512,
        _ => 1024,
    };
    let Some(fields) = params.object("thinking")? else {
        // A model that decides by itself only thinks where there is a sign that it should.
        let on = by_default && (effort.is_some() || wanted);
        let tokens = if on { tokens } else { 0 };
        return Ok(Thinking { tokens, shown: shown_by_default, on: by_default });
    };
    let place = params.name("thinking");
    let own = Params::new(fields, &place);
    let kind = own.tag(&["enabled", "disabled", "adaptive", "between_tools"])?;
    let unsupported = || {
        let message = format!(
            "\"thinking.type.{kind}\" is not supported for this model. Use \"thinking.type.adaptive\" and \
             \"output_config.effort\" to control thinking behavior."
        );
        invalid(message)
    };
    let display = own.choice("display", &["summarized", "omitted"])?;
    let shown = display.map_or(shown_by_default, |display| display == "summarized");
    match (kind, model.thinks) {
        ("enabled", Thinks::Budget | Thinks::Either) => {
            let inner = format!("{place}.enabled");
            let budget = Params::new(fields, &inner);
            budget.required("budget_tokens")?;
            let budget = budget.whole("budget_tokens", LEAST_BUDGET)?.unwrap_or(LEAST_BUDGET);
            if budget >= max_tokens {
                return Err(invalid(
                    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at \
                     https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
                ));
            }
            if forced {
                return Err(invalid("Thinking may not be enabled when tool_choice forces tool use."));
            }
            Ok(Thinking { tokens: (budget / 16).clamp(64, 512), shown, on: true })
        }
        ("adaptive", Thinks::Budget) => Err(invalid("adaptive thinking is not supported on this model")),
        ("adaptive", _) => Ok(Thinking { tokens, shown, on: true }),
        ("disabled", Thinks::ByDefault(Some("disabled"))) if matches!(effort, Some("xhigh" | "max")) => {
            let message = "\"thinking.type.disabled\" is not supported at this effort level. Lower \
                           \"output_config.effort\" to \"high\" or below, or use \"thinking.type.adaptive\".";
            Err(invalid(message))
        }
        ("disabled", Thinks::Budget | Thinks::Either | Thinks::Adaptive) => Ok(Thinking::default()),
        (kind, Thinks::ByDefault(Some(off))) if kind == off => Ok(Thinking::default()),
        _ => Err(unsupported()),
    }
}

/// `temperature`, `top_p` and `top_k`.
pub(crate) fn sampling(params: &Params<'_, '_>, model: &Model, thinking: Thinking) -> Result<(), ApiError> {
    let temperature = params.share("temperature")?;
    let top_p = params.share("top_p")?;
    let top_k = params.whole("top_k", 0)?;
    let changed = [
        ("temperature", temperature.is_some_and(|value| value != 1.0)),
        ("top_p", top_p.is_some_and(|value| value != 1.0)),
        ("top_k", top_k.is_some()),
    ];
    if let (false, Some((field, _))) = (model.sampling, changed.iter().find(|(_, changed)| *changed)) {
        return Err(invalid(format!("`{field}` is deprecated for this model.")));
    }
    if model.sampling && temperature.is_some() && top_p.is_some() {
        let message =
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.";
        return Err(invalid(message));
    }
    if !thinking.on || !model.sampling {
        return Ok(());
    }
    if temperature.is_some_and(|value| value != 1.0) {
        return Err(invalid(
            "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at \
             https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
        ));
    }
    if top_p.is_some_and(|value| value < 0.95) {
        return Err(invalid(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
        ));
    }
    if top_k.is_some() {
        return Err(invalid("`top_k` must be unset when thinking is enabled."));
    }
    Ok(())
}
