/** The version of the package, written into files. A test compares it with package.json. */
export const VERSION = '0.1.0';
