//! Units of measure and currencies.

use super::text::{Text, Word};

/// Each line is one unit.
const UNITS: &[&str] = &[
    "km kilometer kilometers",
    "m meter meters",
    "cm centimeter centimeters",
    "mm millimeter millimeters",
    "mile miles mi",
    "yard yards",
    "foot feet ft",
    "inch inches",
    "nm nanometer nanometers",
    "acre acres",
    "hectare hectares ha",
    "sqm",
    "kg kilo kilos kilogram kilograms",
    "g gram grams gr",
    "mg milligram milligrams",
    "µg mcg microgram micrograms",
    "ton tons tonne tonnes",
    "pound pounds lb lbs £ gbp sterling",
    "ounce ounces oz",
    "l liter liters",
    "ml milliliter milliliters",
    "cl centiliter centiliters",
    "gallon gallons gal",
    "cup cups",
    "pint pints",
    "tablespoon tablespoons tbsp",
    "teaspoon teaspoons tsp",
    "celsius °c centigrade",
    "fahrenheit °f",
    "kelvin",
    "ms millisecond milliseconds",
    "minute minutes min mins",
    "hour hours h hr hrs hourly",
    "day days",
    "week weeks weekly",
    "month months monthly",
    "year years yearly annually annual",
    "decade decades",
    "century centuries",
    "usd dollar dollars $",
    "eur euro euros €",
    "yen jpy ¥",
    "yuan cny rmb",
    "franc francs chf",
    "rupee rupees inr",
    "peso pesos",
    "krona krone crowns",
    "btc bitcoin bitcoins",
    "eth ether ethereum",
    "cent cents",
    "% percent percentage",
    "bit bits",
    "byte bytes",
    "kb kilobyte kilobytes",
    "mb megabyte megabytes",
    "gb gigabyte gigabytes",
    "tb terabyte terabytes",
    "kbit kbit/s kbps",
    "mbit mbit/s mbps",
    "gbit gbit/s gbps",
    "w watt watts",
    "kw kilowatt kilowatts",
    "kwh",
    "mw megawatt megawatts",
    "v volt volts",
    "amp amps ampere amperes",
    "mph",
    "kmh km/h kph",
    "knot knots",
    "hz hertz",
    "khz",
    "mhz",
    "ghz",
    "joule joules",
    "calorie calories kcal",
    "bar",
    "psi",
    "pascal pascals",
    "degree degrees",
    "radian radians",
    "liter-per-100",
    "dpi",
    "pixel pixels px",
    "square",
    "cubic",
    "carat carats",
    "rem em",
];

/// The unit that a word names, as a number of its own. `second` is one only in the plural: it is an ordinal more often.
pub(super) fn unit(word: &Word) -> Option<usize> {
    let lower = word.lower.as_str();
    if lower == "seconds" || lower == "sec" || lower == "secs" {
        return Some(UNITS.len());
    }
    UNITS.iter().position(|names| names.split(' ').any(|name| name == lower))
}

/// The units named. Percent is a part of its number, and degrees say too little.
fn units(text: &Text) -> Vec<usize> {
    let mut found: Vec<usize> = text
        .words
        .iter()
        .filter(|word| !matches!(word.lower.as_str(), "bar" | "m" | "v" | "degree" | "degrees"))
        .filter_map(unit)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

pub(super) fn differ(a: &Text, b: &Text) -> bool {
    units(a) != units(b)
}

#[cfg(test)]
mod tests {
    use super::super::{Guard, objections};

    fn refused(a: &str, b: &str) -> bool {
        !objections(a, b, &[Guard::Units]).is_empty()
    }

    #[test]
    fn one_unit_has_many_names() {
        assert!(!refused("How far is 5km?", "How far is 5 kilometres?"));
        assert!(!refused("What costs $5?", "What costs 5 dollars?"));
    }

    #[test]
    fn other_units_are_refused() {
        assert!(refused("Convert 10 miles to kilometers.", "Convert 10 miles to meters."));
        assert!(refused("Is 30 mg too much?", "Is 30 g too much?"));
        assert!(refused("What do I earn per hour?", "What do I earn per month?"));
    }
}
