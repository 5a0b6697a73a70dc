/** Files that may be images, in places that are none of the system's. */
export function isImageName(path: string): boolean {
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '..' || part.startsWith('.') || part === '__MACOSX'))
    return false;
  return /\.(jpe?g|png|webp)$/i.test(path);
}
