// What the player's controls say, in the page's language. vidstack falls back to English word by word, so each map is
// complete: the type has every word, and the compiler refuses a map with one missing.
import type { DefaultLayoutTranslations, MediaAnnouncerTranslations } from 'vidstack';

/** Our own words beside vidstack's. */
export interface OwnLabels {
  /** What it is, before its title. */
  player: string;
  unmute: string;
  keyboard: string;
  close: string;
  /** Beside the height of the pictures that are passed through as they came. */
  source: string;
  soundAlone: string;
  keys: readonly (readonly [keys: string, action: string])[];
  /** What the library says in English of a time, and what is said instead. */
  time: readonly (readonly [english: string, own: string])[];
}

export interface Labels {
  layout: DefaultLayoutTranslations & MediaAnnouncerTranslations;
  own: OwnLabels;
}

const english: Labels = {
  layout: {
    Accessibility: 'Accessibility',
    AirPlay: 'AirPlay',
    Announcements: 'Announcements',
    Audio: 'Audio',
    Auto: 'Auto',
    Boost: 'Boost',
    'Caption Styles': 'Caption styles',
    Captions: 'Captions',
    'Captions look like this': 'Captions look like this',
    Chapters: 'Chapters',
    'Closed-Captions Off': 'Captions off',
    'Closed-Captions On': 'Captions on',
    Color: 'Colour',
    Connected: 'Connected',
    Connecting: 'Connecting',
    Continue: 'Continue',
    Default: 'Default',
    Disabled: 'Disabled',
    Disconnected: 'Disconnected',
    'Display Background': 'Display background',
    Download: 'Download',
    'Enter Fullscreen': 'Full screen',
    'Enter PiP': 'Picture in picture',
    'Exit Fullscreen': 'Leave full screen',
    'Exit PiP': 'Leave picture in picture',
    Family: 'Family',
    Font: 'Font',
    Fullscreen: 'Full screen',
    'Google Cast': 'Google Cast',
    'Keyboard Animations': 'Keyboard animations',
    LIVE: 'LIVE',
    Loop: 'Loop',
    Mute: 'Mute',
    Normal: 'Normal',
    Off: 'Off',
    Opacity: 'Opacity',
    Pause: 'Pause',
    PiP: 'Picture in picture',
    Play: 'Play',
    Playback: 'Playback',
    Quality: 'Quality',
    Replay: 'Replay',
    Reset: 'Reset',
    Seek: 'Position',
    'Seek Backward': 'Seek backward',
    'Seek Forward': 'Seek forward',
    Settings: 'Settings',
    Shadow: 'Shadow',
    Size: 'Size',
    'Skip To Live': 'Go to live',
    Speed: 'Speed',
    Text: 'Text',
    'Text Background': 'Text background',
    Track: 'Track',
    Unmute: 'Unmute',
    Volume: 'Volume',
  },
  own: {
    player: 'Player',
    unmute: 'Turn the sound on',
    keyboard: 'Keyboard shortcuts',
    close: 'Close',
    source: 'Source',
    soundAlone: 'Sound only',
    keys: [
      ['K, Space', 'Play or pause'],
      ['J / L', 'Back or forward 10 seconds'],
      ['← / →', 'Back or forward 5 seconds'],
      ['↑ / ↓', 'Volume'],
      ['M', 'Sound on or off'],
      ['F', 'Full screen'],
      ['C', 'Captions'],
      ['I', 'Picture in picture'],
      ['0 … 9', 'Go to 0 … 90 %'],
      ['Home / End', 'Beginning / end or live'],
      ['< / >', 'Slower / faster'],
      ['?', 'This list'],
    ],
    time: [],
  },
};

const french: Labels = {
  layout: {
    Accessibility: 'Accessibilité',
    AirPlay: 'AirPlay',
    Announcements: 'Annonces vocales',
    Audio: 'Audio',
    Auto: 'Automatique',
    Boost: 'Amplification',
    'Caption Styles': 'Style des sous-titres',
    Captions: 'Sous-titres',
    'Captions look like this': 'Voici l’aspect des sous-titres',
    Chapters: 'Chapitres',
    'Closed-Captions Off': 'Sous-titres désactivés',
    'Closed-Captions On': 'Sous-titres activés',
    Color: 'Couleur',
    Connected: 'Connecté',
    Connecting: 'Connexion',
    Continue: 'Continuer',
    Default: 'Par défaut',
    Disabled: 'Désactivé',
    Disconnected: 'Déconnecté',
    'Display Background': 'Fond de l’affichage',
    Download: 'Télécharger',
    'Enter Fullscreen': 'Plein écran',
    'Enter PiP': 'Image dans l’image',
    'Exit Fullscreen': 'Quitter le plein écran',
    'Exit PiP': 'Quitter l’image dans l’image',
    Family: 'Famille',
    Font: 'Police',
    Fullscreen: 'Plein écran',
    'Google Cast': 'Google Cast',
    'Keyboard Animations': 'Animations du clavier',
    LIVE: 'DIRECT',
    Loop: 'En boucle',
    Mute: 'Couper le son',
    Normal: 'Normale',
    Off: 'Désactivé',
    Opacity: 'Opacité',
    Pause: 'Mettre en pause',
    PiP: 'Image dans l’image',
    Play: 'Lire',
    Playback: 'Lecture',
    Quality: 'Qualité',
    Replay: 'Revoir',
    Reset: 'Réinitialiser',
    Seek: 'Position',
    'Seek Backward': 'Reculer',
    'Seek Forward': 'Avancer',
    Settings: 'Paramètres',
    Shadow: 'Ombre',
    Size: 'Taille',
    'Skip To Live': 'Revenir au direct',
    Speed: 'Vitesse',
    Text: 'Texte',
    'Text Background': 'Fond du texte',
    Track: 'Piste',
    Unmute: 'Rétablir le son',
    Volume: 'Volume',
  },
  own: {
    player: 'Lecteur',
    unmute: 'Activer le son',
    keyboard: 'Raccourcis clavier',
    close: 'Fermer',
    source: 'Source',
    soundAlone: 'Son seul',
    keys: [
      ['K, Espace', 'Lire ou mettre en pause'],
      ['J / L', 'Reculer ou avancer de 10 secondes'],
      ['← / →', 'Reculer ou avancer de 5 secondes'],
      ['↑ / ↓', 'Volume'],
      ['M', 'Couper ou rétablir le son'],
      ['F', 'Plein écran'],
      ['C', 'Sous-titres'],
      ['I', 'Image dans l’image'],
      ['0 … 9', 'Aller à 0 … 90 %'],
      ['Début / Fin', 'Début / fin ou direct'],
      ['< / >', 'Ralentir / accélérer'],
      ['?', 'Cette liste'],
    ],
    time: [[' out of ', ' sur '], [' hour', ' h'], [' sec', ' s'], ['live', 'en direct']],
  },
};

/** French for every `fr-…`, English for the rest. */
export function labelsFor(language: string): Labels {
  return language.toLowerCase().startsWith('fr') ? french : english;
}
