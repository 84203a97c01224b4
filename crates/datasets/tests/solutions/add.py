def add_numbers(first, second):
    return first + second
