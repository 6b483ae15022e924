//! Whether a text is English, the language that tables and the second look are of.

/// Words that nearly every English question has some of, and other languages hardly.
const MARKS: &str = "a about after all an and any anyone anything are at be before best between but by can can't cannot \
                     could did difference do does doesn't don't during each every explain find first for from get gets \
                     give go good has have he help her here hers hi hello his how how's i i'd i'll i'm i've if in into is \
                     isn't it it's its just keep know let list long make many more most much must my need needs new not \
                     of off on one only or other our out over please pls put rather right set she should show some \
                     something soon still take tell than thanks that that's the their them then there these they thing \
                     this those to too under until up use used using way were what what's when where where's which \
                     while who who's whose why will with without won't work write wrong would you your yours";
/// Of a hundred words, so many are marks.
const LEAST: usize = 25;

pub(super) fn is_english(text: &str) -> bool {
    let text = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphabetic() && c != '\'').filter(|w| !w.is_empty()).collect();
    let marks = words.iter().filter(|word| MARKS.split(' ').any(|mark| mark == **word)).count();
    let foreign = words.iter().filter(|word| !word.is_ascii()).count();
    marks > foreign && marks * 100 >= words.len() * LEAST
}

#[cfg(test)]
mod tests {
    use super::is_english;

    #[test]
    fn questions_are_told_from_those_of_other_languages() {
        for english in [
            "How do I reset my password?",
            "reset password how to",
            "what is the capital of france",
            "Please summarise this report for my boss in five bullet points.",
            "Where's the nearest café in Málaga?",
            "Can you write a regex for email addresses",
        ] {
            assert!(is_english(english), "{english}");
        }
        for other in [
            "Wie kann ich mein Passwort ändern?",
            "Was kostet die Lieferung nach Wien",
            "Wo kann man in Berlin gut essen",
            "¿Cómo puedo cambiar mi contraseña?",
            "no me deja entrar a la cuenta",
            "Comment puis-je changer mon mot de passe ?",
            "Come posso cambiare la password?",
            "Como posso alterar a minha palavra-passe?",
            "Hoe kan ik mijn wachtwoord wijzigen?",
            "Jak mogę zmienić hasło do konta?",
            "パスワードを変更するには?",
            "Как изменить пароль?",
        ] {
            assert!(!is_english(other), "{other}");
        }
    }
}
