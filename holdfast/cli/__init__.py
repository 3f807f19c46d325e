"""The commands behind `ape run`: they parse, call and print. Each is one module with a click command named `cli`."""
