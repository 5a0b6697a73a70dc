import { expect, test } from 'vitest';
import { REASON_TEXTS, RECOMPUTED, ROLE_TEXTS } from '../../src/plan/memory/role-texts.ts';
import { settingsForm } from '../../src/train/settings/form.ts';
import { isLabSetting } from '../../web/lab/settings-here.ts';
import { zh } from '../../web/text/zh.ts';

const HAN = /\p{Script=Han}/u;

test('the form of the Lab is Chinese in the Chinese page: names, help and defaults that are texts', () => {
  const fields = settingsForm('train').filter(({ name }) => isLabSetting(name));
  expect(fields.length).toBeGreaterThan(25);
  for (const field of fields) {
    expect(zh.settingName(field)).toMatch(/^\p{Script=Han}.*（\w+）$/u);
    expect([field.name, HAN.test(zh.settingHelp(field))]).toEqual([field.name, true]);
    // Beside Chinese, a default has names, numbers and values, but no English words.
    const words = zh
      .settingDefault(field)
      .replaceAll(/\b(notes|photos|f32|sgd|weights|constant|auto|none)\b/g, '');
    expect([field.name, words]).toEqual([field.name, expect.not.stringMatching(/[a-z]{2}/)]);
  }
  expect(zh.settingDefault(fields.find(({ name }) => name === 'lr')!)).toBe('由配方决定；notes 为 0.1');
  expect(zh.settingName(fields.find(({ name }) => name === 'weightDecay')!)).toBe('权重衰减（weightDecay）');
});

test('the texts of a memory plan are Chinese, with numbers and names of layers as they are', () => {
  expect(zh.planPart('dense block 12')).toBe('稠密块 12');
  expect(zh.planPart('transition 1')).toBe('过渡层 1');
  expect(zh.planPart('stem')).toBe('起始层');
  expect(zh.planPart('12 linear')).toBe('12 linear');
  expect(zh.planReason(`feature maps of dense block 1${RECOMPUTED}`)).toBe('特征图：稠密块 1（重新计算）');
  expect(zh.planReason('gradient of parameter 3.weight')).toBe('参数的梯度：3.weight');
  expect(zh.planReason('gradient of transition 2')).toBe('特征图的梯度：过渡层 2');
  for (const role of Object.values(ROLE_TEXTS)) {
    expect([role, zh.planRole(role)]).toEqual([role, expect.not.stringMatching(/[a-z]/)]);
    expect(zh.planRole(`${role}${RECOMPUTED}`)).toBe(`${zh.planRole(role)}（重新计算）`);
  }
  for (const reason of Object.values(REASON_TEXTS))
    expect([reason, zh.planReason(`${reason} stem`)]).toEqual([reason, expect.not.stringMatching(/[a-z]/)]);
});
