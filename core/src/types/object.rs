//! The macro behind every JSON object we know: known fields typed, all others kept word for word.
//!
//! `serde(flatten)` would buffer each object through an intermediate form and lose the text of unknown values, so
//! the reading and writing code is generated here instead.

/// Declares a JSON object. Each field reads `mode name: Type = "json name"`:
///
/// - `req`: must be there;
/// - `opt`: an `Option`; `null` is the same as absent, and absent is not written;
/// - `nul`: an `Option`; written as `null` when absent;
/// - `any`: an `Option`, absent is not written; `null` is handed to the type;
/// - `list`: a `Vec`; absent, `null` and empty are the same, and empty is not written;
/// - `def`: absent and `null` give the value after `or`; always written.
macro_rules! object {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $( $(#[$field_doc:meta])* $mode:ident $field:ident : $ty:ty = $json:literal $(or $default:expr)? ),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $crate::types::object::object!(@type $mode $ty), )*
            /// Fields that are not known here, in their order, word for word.
            pub extra: $crate::types::Extra,
        }

        impl Default for $name {
            fn default() -> $name {
                $name {
                    $( $field: $crate::types::object::object!(@default $mode $($default)?), )*
                    extra: $crate::types::Extra::default(),
                }
            }
        }

        impl $name {
            /// Writes all fields into `map` but those named in `skip`.
            pub(crate) fn entries<M: serde::ser::SerializeMap>(
                &self,
                map: &mut M,
                skip: &[&str],
            ) -> Result<(), M::Error> {
                $(
                    if !skip.contains(&$json) {
                        $crate::types::object::object!(@write $mode map $json (self.$field));
                    }
                )*
                for (name, value) in self.extra.iter().filter(|(name, _)| !skip.contains(name)) {
                    map.serialize_entry(name, value)?;
                }
                Ok(())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                self.entries(&mut map, &[])?;
                serde::ser::SerializeMap::end(map)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        $( let mut $field: Option<$crate::types::object::object!(@slot $mode $ty)> = None; )*
                        let mut extra = $crate::types::Extra::default();
                        while let Some(key) = map.next_key::<$crate::types::extra::Key<'de>>()? {
                            match key.as_str() {
                                $(
                                    $json => {
                                        if $field.is_some() {
                                            return Err(serde::de::Error::duplicate_field($json));
                                        }
                                        $field = Some(map.next_value()?);
                                    }
                                )*
                                _ => extra.push(key.into_string(), map.next_value()?),
                            }
                        }
                        extra.refuse_duplicates()?;
                        Ok($name {
                            $( $field: $crate::types::object::object!(@take $mode $field $json $($default)?), )*
                            extra,
                        })
                    }
                }

                deserializer.deserialize_map(Fields)
            }
        }
    };

    (@type req $ty:ty) => { $ty };
    (@type def $ty:ty) => { $ty };
    (@type list $ty:ty) => { Vec<$ty> };
    (@type $mode:ident $ty:ty) => { Option<$ty> };

    (@slot req $ty:ty) => { $ty };
    (@slot any $ty:ty) => { $ty };
    (@slot list $ty:ty) => { Option<Vec<$ty>> };
    (@slot $mode:ident $ty:ty) => { Option<$ty> };

    (@default def $default:expr) => { $default };
    (@default $mode:ident) => { Default::default() };

    (@take req $field:ident $json:literal) => {
        match $field {
            Some(value) => value,
            None => return Err(serde::de::Error::missing_field($json)),
        }
    };
    (@take any $field:ident $json:literal) => { $field };
    (@take list $field:ident $json:literal) => { $field.flatten().unwrap_or_default() };
    (@take def $field:ident $json:literal $default:expr) => { $field.flatten().unwrap_or_else(|| $default) };
    (@take $mode:ident $field:ident $json:literal) => { $field.flatten() };

    (@write req $map:ident $json:literal ($($value:tt)*)) => { $map.serialize_entry($json, &$($value)*)? };
    (@write def $map:ident $json:literal ($($value:tt)*)) => { $map.serialize_entry($json, &$($value)*)? };
    (@write nul $map:ident $json:literal ($($value:tt)*)) => { $map.serialize_entry($json, &$($value)*)? };
    (@write list $map:ident $json:literal ($($value:tt)*)) => {
        if !$($value)*.is_empty() {
            $map.serialize_entry($json, &$($value)*)?;
        }
    };
    (@write $mode:ident $map:ident $json:literal ($($value:tt)*)) => {
        if let Some(value) = &$($value)* {
            $map.serialize_entry($json, value)?;
        }
    };
}

pub(crate) use object;
