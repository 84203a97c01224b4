def text_length(text):
    return len(text)
