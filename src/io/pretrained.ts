/** Download address of PyTorch's files. */
export const PRETRAINED_ADDRESS = 'https://download.pytorch.org/models/';

/**
 * torchvision's ImageNet weights by network: file names, which end with the first digits of the SHA-256. All are
 * the `IMAGENET1K_V1` weights, which were trained with the same recipe.
 */
const FILES: Readonly<Record<string, string>> = {
  densenet121: 'densenet121-a639ec97.pth',
  densenet161: 'densenet161-8d451a50.pth',
  densenet169: 'densenet169-b2777c0a.pth',
  densenet201: 'densenet201-c1103571.pth',
  resnet18: 'resnet18-f37072fd.pth',
  resnet34: 'resnet34-b627a593.pth',
  resnet50: 'resnet50-0676ba61.pth',
};

/** Networks with published ImageNet weights. */
export const PRETRAINED_NAMES: readonly string[] = Object.keys(FILES);

/** The published weights file of a network; undefined if there is none. */
export function pretrainedFile(name: string): string | undefined {
  return Object.hasOwn(FILES, name) ? FILES[name] : undefined;
}

/** The first digits of a file's SHA-256, from the end of its name; undefined if the name has none. */
export function hashInName(file: string): string | undefined {
  return /-([0-9a-f]{8,64})\.\w+$/.exec(file)?.[1];
}

/** The network whose published weights have this SHA-256, if any. */
export function pretrainedBy(sha256: string): string | undefined {
  return PRETRAINED_NAMES.find((name) => sha256.startsWith(hashInName(FILES[name]!)!));
}
