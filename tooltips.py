"""What every knob means, in plain words. One name per knob; tests hold that each tip has its knob."""

prompt = "What should it sound like? Style, tempo, key, mood, instruments, length: plain words."
style = "The style to write in. Empty reads it from the words."
duration = (
    "Length of the song in seconds; with the composer at least 5. Empty reads it from the words, else from lyrics that "
    "are sung, else 30 seconds."
)
bpm = "Tempo in quarter notes per minute. Empty reads it from the words, else the style chooses."
key = 'Key and mode, like "D minor" or "F# dorian". Empty reads it from the words, else the style chooses.'
seed = "Same seed and same words, same song. Empty picks one for you."
engine = "What makes the sound. Auto takes the best engine that is ready on this machine."
variations = "How many songs to make from these words, each with a seed of its own."
title = "The name of the song. Empty takes it from the words."
meter = "Beats in a bar. Empty reads it from the words, else the style chooses."
ending = "How the song ends: a last chord that rings, a stop on the beat, or a fade. Auto lets the style choose."
lyrics = "Words to sing, one line a line, with [verse], [chorus] and the like above each section. Empty: nobody sings."
lyricist = "Who wrote the words. It goes into the song's tags; from the Lyrics tab it comes with them."
singer = "Who sings: a low voice, a high voice, or whichever suits the song."
instrumental = "Nobody sings, whatever the lyrics and the words say."
form = 'The sections in order, with bars where you care: "intro 4, verse 8, chorus 8, verse, chorus, outro".'
chords = 'Chords to keep exactly: "| Dm7 | G7 | Cmaj7 |", under [verse], [chorus] and the like if sections differ.'
band = 'Who plays, and nobody else: "piano, upright bass, brushes". Empty reads it from the words.'
energy = "From calm (0) to all out (1). Empty lets the words and the style choose."
density = "How many notes: 0 leaves space, 1 fills it. Empty lets the style choose."
complexity = "How far harmony and rhythm stray: 0 is plain, 1 adventurous. Empty lets the style choose."
swing = "How late every second note comes: 0 is straight, 1 a full triplet. Empty lets the style choose."
source = "The song to start from: a take in the library, or an upload."
source_bpm = "Tempo of the original in quarter notes per minute. Empty: as it was heard."
source_key = "Key of the original. Empty: as it was heard."
source_meter = "Beats in a bar of the original. Empty: as it was heard."
source_downbeat = "Where the first bar of the original begins, in seconds. Empty: as it was heard."
source_chords = 'Chords of the original, one bar between two lines: "| Am | F | C | G |". Empty: as they were heard.'
strength = (
    "How much of the original stays: with the composer tempo, key and chords at 0, melody, form and feel, too, at 1. "
    "ACE-Step hears it for this share of its steps, and goes by the words alone in the others."
)
temperature = "How daring the choices are: 0 always takes the likeliest, 1 is as the model was trained."
top_k = "Choose among this many of the likeliest at every step. 0 leaves none out."
top_p = "Choose among the likeliest that make up this share. 0 leaves none out."
guidance_scale = "How closely the music follows the words; more costs variety. Empty: as the model was made to be used."
inference_steps = (
    "How many steps lead from noise to music: more are finer, and take longer. Turbo was trained for 8, base and sft "
    "want 32 to 64. Empty: the model's own number."
)
infer_method = "ode goes straight from noise to music; sde stirs in fresh noise at every step but the last."
shift = (
    "Above 1, more of the steps go to the song's outline and fewer to its detail. Turbo knows 1, 2 and 3; for base, 3 "
    "is advised. Empty: the model's own."
)
cfg_interval_start = "Guidance ends here on the way from noise (1) to music (0). Models without guidance ignore it."
cfg_interval_end = "Guidance sets in here on the way from noise (1) to music (0). Models without guidance ignore it."
use_adg = (
    "Guidance turns the song instead of strengthening it: ACE-Step's adaptive dual guidance. "
    "Models without guidance ignore it."
)
thinking = (
    "A language model thinks the song over before it is made, and plans its sound. Without one here, the composer does."
)
planner = "Which planner thinks. Empty takes the smallest that is here."
use_cot_caption = "The planner writes a caption of its own from yours, with more to go by."
use_cot_metas = "The planner chooses tempo, key and meter where you leave them open."
use_cot_language = "The planner hears from the lyrics which language they are in, where you do not say."
lm_temperature = "How daring the planner is: 0 always takes the likeliest."
lm_top_k = "The planner chooses among this many likeliest tokens at every step. 0 leaves none out."
lm_top_p = "The planner chooses among the likeliest tokens that make up this share. 0 leaves none out."
lm_guidance = "How closely the planned sound follows words and plan: 1 leaves it free, 2 to 2.5 is usual."
lm_negative_prompt = (
    "What the planned sound is led away from, in words, where the planner's guidance is above 1. Empty: from no words."
)
vocal_language = "The language of the lyrics. Empty: the model hears it from the words."
repaint_strength = (
    "Below 1, what lies beside new music is held to the original for a share of the steps, and the seam is blended: "
    "the new music stays closer to it. Outside of the region the take has the original's samples either way."
)
reference = (
    "A song whose sound the new one should have: voice, instruments, mix. A take, or an upload by its id. Empty: none."
)
task = "What is done: the regions made anew, a track added, a track taken out, or a band added to what is there."
track = "Which track is added or taken out; empty when a band is added: as the model sees fit."
checkpoint = "Which model plays. Auto takes a small and quick one that can do what is asked."
precision = "How finely the model computes: fp32 is exact, bf16 about twice as fast, int8 faster and a little rougher."
loras = 'What others trained on top of the model, each with a strength of 0 to 1.5: "erhu:0.8, choir". Empty: none.'
stride = "Seconds a song beyond 30 s moves on each time: less remembers more of what came before, and takes longer."
side = "Where music is added: after the end, or before the start."
seconds = "How much is added, in seconds; rounded to whole bars."
regions = 'What is made anew, in seconds: "12-24, 40-48". Empty: the whole song, or the part that the words name.'
humanize = "How freely the players treat time and touch. 0 is a machine, 1 a loose band."
target_lufs = "Loudness of the finished song in LUFS, or its use: streaming, apple, club, broadcast."
ceiling_dbtp = "True peak that the finished song stays below, in dBTP; -1 leaves room for MP3 and the like."
fade_in = "Seconds of fade at the start."
fade_out = "Seconds of fade at the end."
brief = "What should the song be about? A place, a person, something that happened, and how it feels."
structure = 'The sections in order: "verse, chorus, verse, chorus, bridge, chorus".'
tone = "How the words feel. Auto reads it from the brief."
rhyme = "Which lines of four rhyme; loose lets lines share a vowel alone."
lines = "Lines in a verse, a chorus and a bridge."
language = "The language of the words. Empty: that of the brief. The studio's own writer knows English; a model, many."
writer = (
    "Who writes: embedded is the studio's own, in English and at once; the others are language models. Auto takes the "
    "embedded one for English, and for other languages a model that is here."
)
max_tokens = "How much the language model may write, in pieces of words. It is cut off there, and says so."
rate = "Samples a second of the file: 44100, 48000 or 96000."
depth = "Bits of a sample: 16 with dither, 24, or 32f, which is 32-bit float."
quality = "How MP3 is packed: 320 kbit/s throughout, or V0, which takes what the sound needs."
trim = "Cut the silence off at head and tail."
