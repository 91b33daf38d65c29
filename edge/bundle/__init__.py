"""The model file: what is in it, how it is read and proven, who signed it, and the one of the package."""
