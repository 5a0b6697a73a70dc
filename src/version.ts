/** The package's version, as files that outlive it say who wrote them. (A test holds it against package.json.) */
export const VERSION = '0.1.0';
