//! What the text of one module declares and names, read from its tokens.
//!
//! Tokens, not text, because comments and strings then drop out and the bodies of macro calls remain. Items under
//! `#[cfg(test)]` are skipped.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::slice::Iter;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The declarations and the names of one module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Module {
    /// Names of functions, types, traits, constants and macros that the module defines.
    pub(crate) items: BTreeSet<String>,
    /// Modules in files of their own: `mod name;`.
    pub(crate) files: Vec<String>,
    /// Modules in the text: `mod name { … }`.
    pub(crate) inline: Vec<(String, Module)>,
    /// What `use` brings in, in functions too.
    pub(crate) imports: Vec<Import>,
    /// Paths of two or more segments outside `use`.
    pub(crate) paths: BTreeSet<Vec<String>>,
    /// Single names outside `use`, and the first segments of paths.
    pub(crate) names: BTreeSet<String>,
}

/// One name that a `use` declaration brings in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The name in this module; `*` for all names of `path`.
    pub(crate) name: String,
    /// The path that is imported, without the `*`.
    pub(crate) path: Vec<String>,
    /// Whether the declaration is visible outside the module: `pub`, `pub(crate)`, `pub(super)`.
    pub(crate) exported: bool,
}

type Tokens<'a> = Peekable<Iter<'a, TokenTree>>;

impl Module {
    /// Reads the text of a file.
    ///
    /// # Errors        the text is not Rust
    pub(crate) fn parse(text: &str) -> Result<Self, proc_macro2::LexError> {
        let mut module = Self::default();
        module.read(text.parse()?, true);
        Ok(module)
    }

    /// Adds a module's tokens, or those of a group inside an item when `top` is false.
    fn read(&mut self, stream: TokenStream, top: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut tokens = tokens.iter().peekable();
        let mut exported = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.read(group.stream(), false),
                TokenTree::Ident(ident) if ident == "pub" => {
                    tokens.next_if(|next| delimited(next, Delimiter::Parenthesis).is_some());
                    exported = true;
                    continue;
                }
                TokenTree::Ident(ident) => self.word(&ident.to_string(), &mut tokens, top, exported),
                TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(&mut tokens),
                // A lifetime, or the end of a path that does not start with a name: `<T as Trait>::name`, `::name`.
                TokenTree::Punct(punct) if begins_a_suffix(punct.as_char(), &mut tokens) => {
                    tokens.next_if(|next| matches!(next, TokenTree::Ident(_)));
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            exported = false;
        }
    }

    /// Reads on after an identifier or keyword.
    fn word(&mut self, word: &str, tokens: &mut Tokens<'_>, top: bool, exported: bool) {
        match word {
            "use" => self.import(tokens, &[], exported),
            "mod" => self.child(tokens),
            "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" | "macro_rules" => {
                tokens.next_if(|next| is_punct(next, '!'));
                if let (true, Some(TokenTree::Ident(name))) = (top, tokens.peek()) {
                    self.items.insert(name.to_string());
                }
            }
            first => {
                let mut path = vec![first.to_owned()];
                while let Some(after) = after_double_colon(tokens) {
                    *tokens = after;
                    match tokens.next_if(|next| matches!(next, TokenTree::Ident(_))) {
                        Some(segment) => path.push(segment.to_string()),
                        None => break,
                    }
                }
                self.names.insert(first.to_owned());
                if path.len() > 1 {
                    self.paths.insert(path);
                }
            }
        }
    }

    /// Reads a module's name, and its text where that follows.
    fn child(&mut self, tokens: &mut Tokens<'_>) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        match tokens.next() {
            Some(TokenTree::Group(body)) => {
                let mut module = Self::default();
                module.read(body.stream(), true);
                self.inline.push((name.to_string(), module));
            }
            _ => self.files.push(name.to_string()),
        }
    }

    /// Reads one tree of a `use` declaration, up to its `;` or `,`.
    fn import(&mut self, tokens: &mut Tokens<'_>, prefix: &[String], exported: bool) {
        let mut path = prefix.to_vec();
        let mut name = None;
        while let Some(token) = tokens.next_if(|next| !is_punct(next, ';') && !is_punct(next, ',')) {
            match token {
                TokenTree::Ident(ident) if ident == "as" => name = tokens.next().map(ToString::to_string),
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => name = Some("*".to_owned()),
                TokenTree::Group(list) => return self.import_list(list, &path, exported),
                // The `<…>` of `impl Trait + use<…>`, or the colons between segments.
                TokenTree::Punct(punct) if punct.as_char() == '<' => return,
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        if path.len() > prefix.len() && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(last) = path.last() {
            let name = name.unwrap_or_else(|| last.clone());
            self.imports.push(Import { name, path, exported });
        }
    }

    fn import_list(&mut self, list: &Group, prefix: &[String], exported: bool) {
        let tokens: Vec<TokenTree> = list.stream().into_iter().collect();
        let mut tokens = tokens.iter().peekable();
        while tokens.peek().is_some() {
            self.import(&mut tokens, prefix, exported);
            tokens.next_if(|next| is_punct(next, ','));
        }
    }

    /// Skips an attribute, and what follows it if that is for tests only.
    fn attribute(&mut self, tokens: &mut Tokens<'_>) {
        let inner = tokens.next_if(|next| is_punct(next, '!')).is_some();
        let Some(TokenTree::Group(body)) = tokens.next() else { return };
        if is_for_tests(body) {
            // An item ends with its body or with `;`. An inner attribute is about all that follows.
            let ends =
                |token: &TokenTree| delimited(token, Delimiter::Brace).is_some() || is_punct(token, ';');
            while tokens.next().is_some_and(|token| inner || !ends(token)) {}
        }
    }
}

/// Whether an attribute is `cfg(test)`, or a `cfg` that asks for `test` among others.
fn is_for_tests(attribute: &Group) -> bool {
    let mut tokens = attribute.stream().into_iter();
    let is_cfg = matches!(tokens.next(), Some(TokenTree::Ident(name)) if name == "cfg");
    fn asks(stream: TokenStream) -> bool {
        let mut negated = false;
        stream.into_iter().any(|token| match token {
            TokenTree::Ident(name) => {
                negated = name == "not" || name == "any";
                name == "test"
            }
            TokenTree::Group(group) => !negated && asks(group.stream()),
            _ => false,
        })
    }
    is_cfg && tokens.next().is_some_and(|predicate| asks(predicate.into()))
}

fn is_punct(token: &TokenTree, symbol: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == symbol)
}

fn delimited(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Whether the symbol and what follows it begin `'name` or `::name`; consumes up to the name.
fn begins_a_suffix(symbol: char, tokens: &mut Tokens<'_>) -> bool {
    symbol == '\'' || (symbol == ':' && double_colon(tokens))
}

/// The tokens after `::`, if that comes next.
fn after_double_colon<'a>(tokens: &Tokens<'a>) -> Option<Tokens<'a>> {
    let mut ahead = tokens.clone();
    let follows = ahead.next().is_some_and(|next| is_punct(next, ':')) && double_colon(&mut ahead);
    follows.then_some(ahead)
}

/// Whether a second `:` follows the first one; consumes it.
fn double_colon(tokens: &mut Tokens<'_>) -> bool {
    tokens.next_if(|next| is_punct(next, ':')).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Import, Module};

    fn import(name: &str, path: &[&str], exported: bool) -> Import {
        Import { name: name.to_owned(), path: path.iter().map(|s| (*s).to_owned()).collect(), exported }
    }

    #[test]
    fn use_trees_are_split_into_names() {
        let module = Module::parse("use a::{self, b::C as D, e::*};\npub(crate) use super::f;").unwrap();
        assert_eq!(
            module.imports,
            [
                import("a", &["a"], false),
                import("D", &["a", "b", "C"], false),
                import("*", &["a", "e"], false),
                import("f", &["super", "f"], true),
            ]
        );
    }

    #[test]
    fn tests_comments_and_strings_are_ignored() {
        let text = r#"
            // crate::comment
            fn text() -> &'static str { "crate::string" }
            #[cfg(test)] mod tests { use super::*; }
            #[cfg(all(test, unix))] use crate::unix;
            #[cfg(not(test))] fn kept() { crate::kept(); }
        "#;
        let module = Module::parse(text).unwrap();
        assert_eq!(module.imports, []);
        assert!(module.files.is_empty() && module.inline.is_empty());
        assert_eq!(module.paths.into_iter().collect::<Vec<_>>(), [["crate", "kept"]]);
        assert_eq!(module.items.into_iter().collect::<Vec<_>>(), ["kept", "text"]);
    }

    #[test]
    fn paths_are_found_in_macros_and_after_generics() {
        let module = Module::parse("fn f() { print!(\"{}\", a::b::<c::D>(x)); <T as E>::g(); }").unwrap();
        assert_eq!(module.paths.into_iter().collect::<Vec<_>>(), [vec!["a", "b"], vec!["c", "D"]]);
    }
}
