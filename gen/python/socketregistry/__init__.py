"""Generated from proto/socketregistry: do not edit."""
