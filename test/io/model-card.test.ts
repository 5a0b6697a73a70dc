import { describe, expect, test } from 'vitest';
import { cardMetadata, cardText, imagesOfCard } from '../../src/io/model-card.ts';

describe('the image format in a file', () => {
  const card = { model: 'net', channels: 3, size: 64, classNames: ['cat', 'dog'], isCropped: false };

  test('has size, color and range', () => {
    const metadata = cardMetadata(card);
    expect(metadata.get('preprocessing')).toBe(
      'RGB pixels resized to 64×64 (bilinear, antialiased), divided by 255',
    );
    expect(metadata.has('normalization')).toBe(false);
    expect(JSON.parse(metadata.get('class_names')!)).toEqual(card.classNames);
    expect(cardText(card)).toContain('[N, 3, 64, 64], float32; RGB pixels');
  });

  test('has the normalization, if any', () => {
    const normalization = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };
    const metadata = cardMetadata({ ...card, normalization });
    expect(JSON.parse(metadata.get('normalization')!)).toEqual(normalization);
    const sentence = 'less the mean 0.5, 0.4, 0.3, divided by the standard deviation 0.2, 0.25, 0.3';
    expect(metadata.get('preprocessing')).toContain(sentence);
    expect(cardText({ ...card, normalization })).toContain(sentence);
  });

  test('says whether images are cropped', () => {
    expect(cardText({ ...card, isCropped: true })).toContain(
      'RGB pixels, the shorter side resized to 64 (bilinear, antialiased), the middle 64×64 cut out, divided by 255',
    );
  });

  test('is read back, but not from other files', () => {
    const normalization = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };
    const { size, classNames } = card;
    expect(imagesOfCard(cardMetadata(card))).toEqual({ size, classNames });
    const metadata = cardMetadata({ ...card, normalization });
    expect(imagesOfCard(metadata)).toEqual({ size, classNames, normalization });
    expect(imagesOfCard(new Map([...metadata, ['producer', 'pytorch']]))).toBeUndefined();
    for (const spoilt of ['{"mean": [0], "std": [0]}', '{', '[]']) {
      expect(imagesOfCard(new Map([...metadata, ['normalization', spoilt]]))).toBeUndefined();
    }
  });
});
