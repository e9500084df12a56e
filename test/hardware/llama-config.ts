/** What the config.json of Llama-3.1-8B says of its shape. */
export const llama = {
  model_type: "llama",
  hidden_size: 4096,
  intermediate_size: 14_336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128_256,
  tie_word_embeddings: false,
};
