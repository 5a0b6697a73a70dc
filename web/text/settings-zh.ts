import { BY_RECIPE } from '../../src/train/settings/setting.ts';
import { isLabSetting, type LabSetting, type LabUnsetSetting } from '../lab/settings-here.ts';
import type { SettingField } from './en.ts';

interface SettingText {
  readonly name: string;
  readonly help: string;
  /** What happens where it is not given; undefined if the table has a value there. */
  readonly unset?: string | undefined;
}

/** Every setting of the Lab: one that is missing is a type error, and so is a missing text of its default. */
const SETTINGS: { readonly [Name in LabSetting]: SettingText } & {
  readonly [Name in LabUnsetSetting]: { readonly unset: string | undefined };
} = {
  recipe: {
    name: '配方',
    help: '一组默认设置；单独给出的设置优先',
    unset: '图像文件夹用 photos，其他用 notes',
  },
  classes: { name: '类别数', help: '类别的数量', unset: '数据集的类别数' },
  size: { name: '图像大小', help: '图像缩放后的高和宽（像素）' },
  batch: { name: '批量大小', help: '每一步的图像数' },
  microBatch: {
    name: '微批量大小',
    help: '每次前向和反向传播的图像数，用来节省内存：梯度在整个批量上累加，批量规范化的统计量按微批量计算；auto：仅在内存放不下时使用',
    unset: '整个批量',
  },
  epochs: { name: '轮数', help: '遍历训练图像的次数' },
  lr: { name: '学习率', help: '学习率调度中的最大学习率' },
  seed: { name: '随机种子', help: '初始权重、打乱顺序、图像增广和暂退法的随机种子' },
  precision: {
    name: '精度',
    help: '特征图的数据类型：bf16 使其内存减半，求和仍用 float32；auto：用 f32，内存放不下时用 bf16',
  },
  limit: { name: '图像上限', help: '只用前面这么多张图像训练', unset: '全部图像' },
  testShare: {
    name: '测试比例',
    help: '文件夹没有 val 或 test 时，每个类别中用作测试图像的比例',
    unset: undefined,
  },
  freeze: {
    name: '冻结',
    help: '冻结网络的哪些部分：参数名的前缀，例如 features.conv0；body 表示分类器以外的所有层',
    unset: '无',
  },
  dropout: { name: '暂退率', help: '网络使用暂退法（dropout）时，每个卷积层之后的丢弃概率', unset: '无' },
  optimizer: { name: '优化器', help: '优化算法；nesterov 是带 Nesterov 动量的 SGD' },
  momentum: { name: '动量', help: 'sgd 和 nesterov 的动量；nesterov 默认 0.9，除非配方另有规定' },
  weightDecay: { name: '权重衰减', help: '权重衰减系数' },
  weightDecayOn: {
    name: '权重衰减的对象',
    help: '对哪些参数应用权重衰减；weights：卷积层和全连接层的权重，不含偏置和批量规范化的参数',
  },
  schedule: { name: '学习率调度', help: '学习率在训练中如何变化' },
  warmup: { name: '预热轮数', help: '学习率线性预热的轮数，可以是小数' },
  labelSmoothing: { name: '标签平滑', help: '标签平滑：目标概率中均匀分给所有类别的比例' },
  clip: { name: '梯度裁剪', help: '梯度裁剪：所有梯度的总范数的上限', unset: '无' },
  ema: {
    name: '权重的移动平均',
    help: '用权重的指数移动平均（EMA）评估，值为衰减系数，例如 0.999',
    unset: '无',
  },
  validate: {
    name: '验证比例',
    help: '训练图像中用于验证的比例，用来选出最佳轮次；测试图像只在最后使用。有 val 和 test 的文件夹自带验证图像',
    unset: '无',
  },
  patience: { name: '早停耐心', help: '早停：验证准确率连续这么多轮没有提高就结束训练', unset: '无' },
  balance: {
    name: '类别平衡',
    help: '平衡大小不等的类别；weights：小类别的图像在损失中权重更大；sample：每轮从每个类别取同样多的图像',
  },
  headEpochs: {
    name: '分类器轮数',
    help: '开始时只训练分类器的轮数；之后训练所有层，学习率调度和优化器状态重新开始',
    unset: '无',
  },
  headLr: {
    name: '分类器学习率',
    help: '只训练分类器时的最大学习率',
    unset: '与之后的训练相同',
  },
  augment: {
    name: '图像增广',
    help: '训练图像的增广，每轮取新的随机值：resized-crop、crop、shift、flip、erase 中的若干项，用逗号分隔',
    unset: '无',
  },
  normalize: {
    name: '标准化',
    help: '按通道用均值和标准差标准化；measured：用训练图像的；imagenet：用 ImageNet 的',
  },
  channels: { name: '通道数', help: '文件夹中图像的通道数', unset: '图像全是灰度时为 1，否则为 3' },
  engine: { name: '计算引擎', help: '在哪里计算；webgpu：显卡' },
  threads: { name: '线程数', help: '线程的数量，不影响结果', unset: '全部处理器' },
};

const textOf = (name: string): SettingText | undefined => (isLabSetting(name) ? SETTINGS[name] : undefined);

/** With the name in messages and on the command line: `学习率（lr）`. */
export function settingName({ name }: SettingField): string {
  return `${textOf(name)?.name ?? ''}（${name}）`;
}

export function settingHelp({ name, help }: SettingField): string {
  return textOf(name)?.help ?? help;
}

export function settingDefault({ name, default: text }: SettingField): string {
  const isByRecipe = text.startsWith(BY_RECIPE);
  const value = isByRecipe ? text.slice(BY_RECIPE.length) : text;
  // A text is translated, a value is shown as it is.
  const shown = /[ ']/.test(value) || value === 'none' ? (textOf(name)?.unset ?? value) : value;
  return isByRecipe ? `由配方决定；notes 为 ${shown}` : shown;
}
