/**
 * What was given cannot be used: a file, a setting, a shape, a machine that lacks something. The message says what is
 * wrong, what was expected and what to do. Whatever else is thrown is a failure of the program or of the system.
 */
export abstract class InputError extends Error {}
