// A file that is chosen is put into a text of the form, where it is seen before it is sent. Without a script the choice is not there, and the text is.
const MAX_BYTES = 2 * 1024 * 1024;

export function readFilesIntoTexts(root: ParentNode): void {
  for (const part of root.querySelectorAll<HTMLElement>('[data-file-part]')) part.hidden = false;
  for (const input of root.querySelectorAll<HTMLInputElement>('input[data-file-into]')) {
    const text = document.getElementById(input.dataset.fileInto ?? '');
    if (!(text instanceof HTMLTextAreaElement)) continue;
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      // What is too long is cut, and the server says so.
      void file?.slice(0, MAX_BYTES + 1).text().then((read) => {
        text.value = read;
        text.focus();
      });
    });
  }
}
