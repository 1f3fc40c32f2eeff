"""What can be trained, each with what it does, and what it goes on from. English, Chinese."""

WORDS: dict[str, tuple[str, str]] = {
    "trainer": ("What to train", "训练什么"),
    "trainer_cnn": ("Picture classifier (small CNN)", "图像分类器（小型 CNN）"),
    "trainer_resnet": ("Picture classifier (ResNet-18 … 152)", "图像分类器（ResNet-18 … 152）"),
    "about_resnet": (
        "The residual networks of the paper, at their own depths: for larger pictures and more classes than the small CNN.",
        "论文中的残差网络，采用其原有层数：适合比小型 CNN 更大的图片和更多的类别。",
    ),
    "about_cnn": (
        "Learns to say what is on a picture. You see which held-out pictures it takes for what.",
        "学会判断图片的类别。训练中可以看到它对留出图片的判断。",
    ),
    "trainer_dcgan": ("Picture generator (DCGAN)", "图像生成器（DCGAN）"),
    "about_dcgan": (
        "Two networks against each other: one makes pictures of noise, the other tells them from real ones.",
        "两个网络相互对抗：一个从噪声生成图片，另一个分辨真假。",
    ),
    "trainer_wgan_gp": ("Picture generator (WGAN-GP)", "图像生成器（WGAN-GP）"),
    "about_wgan_gp": (
        "Like the DCGAN, with a critic that measures a distance: slower, and harder to upset.",
        "与 DCGAN 类似，但由评判网络度量距离：更慢，也更稳定。",
    ),
    "trainer_vae": ("Variational autoencoder", "变分自编码器"),
    "about_vae": (
        "Squeezes pictures into a few numbers and draws them again; new numbers give new pictures.",
        "把图片压缩成几个数再画出来；换一组数就得到新的图片。",
    ),
    "trainer_char_transformer": ("Character Transformer", "字符级 Transformer"),
    "about_char_transformer": (
        "A language model from nothing: learns which character comes next.",
        "从零训练的语言模型：学习预测下一个字符。",
    ),
    "trainer_lstm": ("LSTM language model", "LSTM 语言模型"),
    "about_lstm": (
        "The recurrent language model of before the Transformer, from nothing.",
        "Transformer 之前的循环语言模型，从零训练。",
    ),
    "trainer_bert_mlm": ("Masked language model (BERT)", "掩码语言模型（BERT）"),
    "about_bert_mlm": ("Learns to fill in words that were left out.", "学会补全被遮住的词。"),
    "trainer_causal_lm": ("Language model, tuned (LoRA, prefix, full)", "语言模型微调（LoRA、前缀、全量）"),
    "about_causal_lm": (
        "Goes on from a model that is there and learns your texts, or the answers of your dialogues. An adapter stands under its base.",
        "在已有模型上继续学习你的文本，或对话中的回答；得到的适配器归在其基础模型之下。",
    ),
    "trainer_latent_diffusion": ("Pictures from words (latent diffusion)", "文字生成图像（潜空间扩散）"),
    "about_latent_diffusion": (
        "From nothing: first an autoencoder, then a denoiser that draws in its latents what a caption or the name of a class says. "
        "The same kind of model as Stable Diffusion.",
        "从零训练：先训练自编码器，再训练在其潜空间中按说明或类别名作画的去噪网络，与 Stable Diffusion 同类。",
    ),
    "trainer_image_lora": ("Style or thing for a model that draws (LoRA)", "图像模型微调（LoRA）"),
    "about_image_lora": (
        "Goes on from a model that draws and learns what is on your pictures, from a few of them on; the adapter stands under "
        "its base in the Image tab. Captions, or the names of classes, say what is on each. Of the samples the upper row is "
        "held-out pictures, the lower one what it draws of their captions.",
        "在已有的图像模型上学习你的图片，几张就够；得到的适配器出现在“图像”页中其基础模型之下。每张图片的说明或类别名告诉它画的是什么。"
        "样例的上排是留出的图片，下排是按其说明画出的图片。",
    ),
    "trainer_image_full": ("A model that draws, all of its weights", "图像模型全量微调"),
    "about_image_full": (
        "Goes on from a model that draws; every weight of its denoiser learns your pictures. It learns more than an adapter can, "
        "needs much more memory, and the result is a model of its own in the Image tab.",
        "在已有的图像模型上继续训练去噪网络的全部权重。比适配器学得更多，需要的内存也多得多；得到的是“图像”页中一个独立的模型。",
    ),
    "trainer_bert_classifier": ("Text classifier (BERT)", "文本分类器（BERT）"),
    "about_bert_classifier": (
        "Learns to tell texts apart by their labels: from nothing, or on a model that is there. You see which words spoke for a class.",
        "学会按标签区分文本：可从零训练，也可在已有模型上训练。可以看到哪些词支持某个类别。",
    ),
    "trainer_lstm_classifier": ("Text classifier (LSTM)", "文本分类器（LSTM）"),
    "about_lstm_classifier": (
        "The recurrent classifier of before the Transformer, on the same texts, from nothing.",
        "Transformer 之前的循环分类器，用同样的文本从零训练。",
    ),
    "base_model": ("Base model", "基础模型"),
    "no_base": ("None: from nothing", "无：从零训练"),
    "base_model_help": ("The model that the training goes on from.", "训练在这个模型的基础上进行。"),
    "trainer_captioner": ("Namer of pictures", "图片命名"),
    "about_captioner": (
        "Learns to say in English and Chinese what a drawing shows, however it is turned, coloured or blurred.",
        "学习用中英文说出图画里是什么，无论它怎样旋转、变色或模糊。",
    ),
    "trainer_fusion": ("Pictures, words and sounds", "图片、词语和声音"),
    "about_fusion": (
        "Learns one space in which a picture, its names and how they sound lie near each other. The search of your library uses such a model.",
        "学习一个共同的空间：图片、它的名称和名称的读音在其中彼此靠近。作品库的搜索就用这样的模型。",
    ),
    "trainer_note_transformer": ("Note Transformer", "音符 Transformer"),
    "about_note_transformer": (
        "Learns which note comes next, and so to compose; each tune is read in every key.",
        "学习预测下一个音符，从而学会作曲；每首曲子都会移到各个调上。",
    ),
    "trainer_sound_classifier": ("Sound classifier (spectrogram Transformer)", "声音分类器（频谱 Transformer）"),
    "about_sound_classifier": (
        "Learns to tell sounds apart: speakers, instruments, noises. You see what it takes held-out sounds for, and try it with yours.",
        "学会分辨声音：说话人、乐器、各种声响。训练中可以看到它对留出声音的判断，训练后可用自己的声音试一试。",
    ),
}
