package plan

// secretTag marks a value that is kept elsewhere.
const secretTag = "!secret"
