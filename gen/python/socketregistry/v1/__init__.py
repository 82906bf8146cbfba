"""Generated from proto/socketregistry/v1: do not edit."""
