/**
 * Invalid input: a file, a setting, a shape, or a missing capability of the machine. The message says what is
 * wrong, what was expected and what to do. All other errors are failures of the program or the system.
 */
export abstract class InputError extends Error {}
