//! Rust values as Python objects.

use std::fmt;

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use serde::ser::{
    Error, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, Serializer,
};

use super::{names, read};

/// How `serde_json` passes JSON text through: as a struct of this name, with one field of the same name.
const TEXT: &str = "$serde_json::private::RawValue";

/// Makes the object of one value.
#[derive(Clone, Copy)]
pub(super) struct Write<'py> {
    py: Python<'py>,
    /// Of the key of a dict.
    key: bool,
}

/// Why a value cannot be an object.
#[derive(Debug)]
pub(super) struct Unwritable(PyErr);

impl Unwritable {
    pub(super) fn into_raised(self) -> PyErr {
        self.0
    }
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unwritable {}

impl From<PyErr> for Unwritable {
    fn from(raised: PyErr) -> Unwritable {
        Unwritable(raised)
    }
}

impl Error for Unwritable {
    fn custom<T: fmt::Display>(message: T) -> Unwritable {
        Unwritable(PyValueError::new_err(message.to_string()))
    }
}

type Written<'py> = Result<Bound<'py, PyAny>, Unwritable>;

impl<'py> Write<'py> {
    pub(super) fn new(py: Python<'py>) -> Write<'py> {
        Write { py, key: false }
    }

    fn key(self) -> Write<'py> {
        Write { key: true, ..self }
    }

    fn plain<T: IntoPyObject<'py>>(self, value: T) -> Written<'py> {
        Ok(value.into_bound_py_any(self.py)?)
    }

    fn dict(self) -> Dict<'py> {
        Dict { write: self, dict: PyDict::new(self.py), next: None }
    }

    fn list(self) -> List<'py> {
        List { write: self, list: PyList::empty(self.py) }
    }
}

impl<'py> Serializer for Write<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Unwritable;
    type SerializeSeq = List<'py>;
    type SerializeTuple = List<'py>;
    type SerializeTupleStruct = List<'py>;
    type SerializeTupleVariant = Impossible<Bound<'py, PyAny>, Unwritable>;
    type SerializeMap = Dict<'py>;
    type SerializeStruct = Record<'py>;
    type SerializeStructVariant = Variant<'py>;

    fn serialize_bool(self, value: bool) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_i8(self, value: i8) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_i16(self, value: i16) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_i32(self, value: i32) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_i64(self, value: i64) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_u8(self, value: u8) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_u16(self, value: u16) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_u32(self, value: u32) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_u64(self, value: u64) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_f32(self, value: f32) -> Written<'py> {
        // As it is printed: 0.1 is 0.1 and not 0.10000000149011612.
        self.plain(value.to_string().parse::<f64>().map_err(Unwritable::custom)?)
    }

    fn serialize_f64(self, value: f64) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_char(self, value: char) -> Written<'py> {
        self.plain(value)
    }

    fn serialize_str(self, text: &str) -> Written<'py> {
        let string = if self.key { names::name(self.py, text) } else { PyString::new(self.py, text) };
        Ok(string.into_any())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written<'py> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Written<'py> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written<'py> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written<'py> {
        Ok(self.py.None().into_bound(self.py))
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Written<'py> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Written<'py> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Written<'py> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Written<'py> {
        let mut dict = self.dict();
        dict.serialize_entry(variant, value)?;
        SerializeMap::end(dict)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<List<'py>, Unwritable> {
        Ok(self.list())
    }

    fn serialize_tuple(self, _length: usize) -> Result<List<'py>, Unwritable> {
        Ok(self.list())
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<List<'py>, Unwritable> {
        Ok(self.list())
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        Err(Unwritable::custom(format_args!("{name}::{variant} has no name for its parts")))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Dict<'py>, Unwritable> {
        Ok(self.dict())
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Record<'py>, Unwritable> {
        Ok(if name == TEXT { Record::Text(self.py, None) } else { Record::Fields(self.dict()) })
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Variant<'py>, Unwritable> {
        Ok(Variant { outside: self.dict(), variant, fields: self.dict() })
    }
}

/// A list under way.
pub(super) struct List<'py> {
    write: Write<'py>,
    list: Bound<'py, PyList>,
}

impl<'py> SerializeSeq for List<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        Ok(self.list.append(value.serialize(self.write)?)?)
    }

    fn end(self) -> Written<'py> {
        Ok(self.list.into_any())
    }
}

impl<'py> SerializeTuple for List<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written<'py> {
        SerializeSeq::end(self)
    }
}

impl<'py> SerializeTupleStruct for List<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written<'py> {
        SerializeSeq::end(self)
    }
}

/// A dict under way.
pub(super) struct Dict<'py> {
    write: Write<'py>,
    dict: Bound<'py, PyDict>,
    next: Option<Bound<'py, PyAny>>,
}

impl<'py> SerializeMap for Dict<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.next = Some(key.serialize(self.write.key())?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let key = self.next.take().ok_or_else(|| Unwritable::custom("a value without a key"))?;
        Ok(self.dict.set_item(key, value.serialize(self.write)?)?)
    }

    fn serialize_entry<K: Serialize + ?Sized, T: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &T,
    ) -> Result<(), Unwritable> {
        let key = key.serialize(self.write.key())?;
        Ok(self.dict.set_item(key, value.serialize(self.write)?)?)
    }

    fn end(self) -> Written<'py> {
        Ok(self.dict.into_any())
    }
}

/// A struct under way, or JSON text that is passed through.
pub(super) enum Record<'py> {
    Fields(Dict<'py>),
    Text(Python<'py>, Option<Bound<'py, PyAny>>),
}

impl<'py> SerializeStruct for Record<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        match self {
            Record::Fields(dict) => dict.serialize_entry(name, value),
            Record::Text(py, object) => {
                let text = value.serialize(Write::new(*py))?;
                let text = text.cast::<PyString>().map_err(Unwritable::custom)?;
                *object = Some(read::from_json(*py, text.to_cow()?.as_bytes())?);
                Ok(())
            }
        }
    }

    fn end(self) -> Written<'py> {
        match self {
            Record::Fields(dict) => SerializeMap::end(dict),
            Record::Text(_, object) => object.ok_or_else(|| Unwritable::custom("no JSON text")),
        }
    }
}

/// A variant with fields under way.
pub(super) struct Variant<'py> {
    outside: Dict<'py>,
    variant: &'static str,
    fields: Dict<'py>,
}

impl<'py> SerializeStructVariant for Variant<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.fields.serialize_entry(name, value)
    }

    fn end(self) -> Written<'py> {
        let Variant { outside, variant, fields } = self;
        outside.dict.set_item(variant, fields.dict)?;
        Ok(outside.dict.into_any())
    }
}
