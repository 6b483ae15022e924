//! Images as OpenAI's requests carry them: a URL, or the image itself in a `data:` URL.

/// An image to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Image<'a> {
    /// For the provider to fetch.
    Url(&'a str),
    /// The image itself.
    Inline {
        /// `image/png` …
        media_type: &'a str,
        /// In base64.
        data: &'a str,
    },
}

impl<'a> Image<'a> {
    /// Reads the value of `image_url.url`. None for a `data:` URL that is not base64 or names no type (RFC 2397).
    pub(super) fn read(url: &'a str) -> Option<Image<'a>> {
        let scheme = url.get(..5).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("data:") {
            return Some(Image::Url(url));
        }
        let (head, data) = url.get(5..)?.split_once(',')?;
        let mut parameters = head.split(';');
        let media_type = parameters.next().filter(|kind| kind.contains('/'))?;
        parameters
            .any(|parameter| parameter.trim().eq_ignore_ascii_case("base64"))
            .then_some(Image::Inline { media_type, data })
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn urls_and_inline_images_are_told_apart() {
        assert_eq!(Image::read("https://x/y.png"), Some(Image::Url("https://x/y.png")));
        let inline = Image::Inline { media_type: "image/png", data: "aGk=" };
        assert_eq!(Image::read("data:image/png;base64,aGk="), Some(inline));
        assert_eq!(Image::read("DATA:image/png;charset=x;base64,aGk="), Some(inline));
        for bad in ["data:", "data:,x", "data:image/png,x", "data:;base64,x"] {
            assert_eq!(Image::read(bad), None, "{bad}");
        }
    }
}
