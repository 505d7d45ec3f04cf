"""The commands of `raakvlak-node`, by what they are about; `cli` puts them together."""
