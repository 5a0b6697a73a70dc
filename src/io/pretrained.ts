/** Where PyTorch publishes the files. */
export const PRETRAINED_ADDRESS = 'https://download.pytorch.org/models/';

/**
 * torchvision's weights for ImageNet, by network: names of files that end in the first digits of their SHA-256. ResNet-50's
 * are its first, as all of these are: trained by one recipe.
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

/** Networks whose weights for ImageNet are published. */
export const PRETRAINED_NAMES: readonly string[] = Object.keys(FILES);

/** The published file of a network's weights; undefined where there is none. */
export function pretrainedFile(name: string): string | undefined {
  return Object.hasOwn(FILES, name) ? FILES[name] : undefined;
}

/** The digits that a file's SHA-256 begins with, which its name ends in; undefined where a name has none. */
export function hashInName(file: string): string | undefined {
  return /-([0-9a-f]{8,64})\.\w+$/.exec(file)?.[1];
}

/** The network whose published weights have this SHA-256. */
export function pretrainedBy(sha256: string): string | undefined {
  return PRETRAINED_NAMES.find((name) => sha256.startsWith(hashInName(FILES[name]!)!));
}
