//! Open-set identification: searches for identities that may not be in the gallery.
