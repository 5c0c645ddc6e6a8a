//! Networks that turn faces into features, one file each, with torchvision's layer names.
