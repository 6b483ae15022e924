//! Tools: what may be called, what is called.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::extra::{Extra, Raw};
use super::object::object;

object! {
    /// A function that the model may call.
    pub struct FunctionDef {
        /// Its name.
        def name: String = "name" or String::new(),
        /// What it does.
        opt description: String = "description",
        /// Its arguments, as JSON Schema.
        opt parameters: Raw = "parameters",
        /// Whether arguments must match the schema exactly.
        opt strict: bool = "strict",
    }
}

object! {
    /// A tool that the model may call. Kinds other than `function` are kept in `extra`.
    pub struct Tool {
        /// `function`, `custom` …
        req kind: String = "type",
        /// The function, where `kind` is `function`.
        opt function: FunctionDef = "function",
    }
}

impl Tool {
    /// A function with its arguments as JSON Schema.
    pub fn function(name: impl Into<String>, description: impl Into<String>, parameters: Raw) -> Tool {
        let function = FunctionDef {
            name: name.into(),
            description: Some(description.into()),
            parameters: Some(parameters),
            ..FunctionDef::default()
        };
        Tool { kind: "function".to_owned(), function: Some(function), ..Tool::default() }
    }
}

object! {
    /// The function that is called.
    pub struct FunctionCall {
        /// Its name.
        def name: String = "name" or String::new(),
        /// Its arguments: JSON in a string, as the model wrote it.
        def arguments: String = "arguments" or String::new(),
    }
}

object! {
    /// The custom tool that is called.
    pub struct CustomCall {
        /// Its name.
        def name: String = "name" or String::new(),
        /// Its input: free text, as the model wrote it.
        def input: String = "input" or String::new(),
    }
}

object! {
    /// A call the model makes. Kinds that are not known are kept in `extra`.
    pub struct ToolCall {
        /// The id that the result refers to.
        def id: String = "id" or String::new(),
        /// `function`, `custom` …
        def kind: String = "type" or "function".to_owned(),
        /// The function and its arguments.
        opt function: FunctionCall = "function",
        /// The custom tool and its input, where `kind` is `custom`.
        opt custom: CustomCall = "custom",
    }
}

impl ToolCall {
    /// A call of function `name`; `arguments` is JSON in a string.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> ToolCall {
        let function =
            FunctionCall { name: name.into(), arguments: arguments.into(), ..FunctionCall::default() };
        ToolCall { id: id.into(), function: Some(function), ..ToolCall::default() }
    }
}

object! {
    /// The name of a function.
    pub struct FunctionName {
        /// The name.
        def name: String = "name" or String::new(),
    }
}

/// Which tools the model must or may call.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice {
    /// None of them.
    None,
    /// As it likes.
    Auto,
    /// At least one.
    Required,
    /// This function.
    Function {
        /// Which.
        function: FunctionName,
        /// Unknown fields.
        extra: Extra,
    },
    /// An object of another type (`allowed_tools`, `custom` …).
    Other {
        /// The word in `type`.
        kind: String,
        /// All fields but `type`.
        extra: Extra,
    },
}

impl ToolChoice {
    /// The function `name`.
    pub fn function(name: impl Into<String>) -> ToolChoice {
        let function = FunctionName { name: name.into(), ..FunctionName::default() };
        ToolChoice::Function { function, extra: Extra::default() }
    }
}

object! {
    /// The object form of a choice, as it is on the wire.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct ChoiceObject {
        req kind: String = "type",
        opt function: FunctionName = "function",
    }
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ToolChoice::None => serializer.serialize_str("none"),
            ToolChoice::Auto => serializer.serialize_str("auto"),
            ToolChoice::Required => serializer.serialize_str("required"),
            ToolChoice::Function { function, extra } => ChoiceObject {
                kind: "function".to_owned(),
                function: Some(function.clone()),
                extra: extra.clone(),
            }
            .serialize(serializer),
            ToolChoice::Other { kind, extra } => {
                ChoiceObject { kind: kind.clone(), function: None, extra: extra.clone() }
                    .serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ToolChoice, D::Error> {
        struct Union;

        impl<'de> Visitor<'de> for Union {
            type Value = ToolChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("none, auto, required or an object with a type")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<ToolChoice, E> {
                match word {
                    "none" => Ok(ToolChoice::None),
                    "auto" => Ok(ToolChoice::Auto),
                    "required" => Ok(ToolChoice::Required),
                    _ => Err(E::custom(format_args!(
                        "unknown tool choice {word:?}, expected none, auto, required or an object with a type"
                    ))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ToolChoice, A::Error> {
                let object = ChoiceObject::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let ChoiceObject { kind, function, mut extra } = object;
                match (kind.as_str(), function) {
                    ("function", Some(function)) => Ok(ToolChoice::Function { function, extra }),
                    ("function", None) => Err(A::Error::missing_field("function")),
                    (_, function) => {
                        if let Some(function) = function {
                            extra.insert("function", Raw::of(&function).map_err(A::Error::custom)?);
                        }
                        Ok(ToolChoice::Other { kind, extra })
                    }
                }
            }
        }

        deserializer.deserialize_any(Union)
    }
}
