"""The house's rules about the code itself; each test says which rule it keeps."""
